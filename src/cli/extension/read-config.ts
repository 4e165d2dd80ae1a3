import { readFileSync } from 'node:fs';
import type { Configured } from '../../../actors/osquery-core.machine.ts';
import { parseSettings } from '../../config/parse.ts';
import type { Settings } from '../../config/settings.ts';
import { configMember, GEN_CONFIG, parseGenConfig } from '../../osquery/config-plugin.ts';
import type { ManagerClient } from '../../osquery/manager-client.ts';
import type { OsqueryOption } from '../../osquery/manager-values.ts';
import { PLUGIN_NAME } from '../../osquery/registration.ts';
import type { House } from './house.ts';

/** The member that osquery's configuration has for us. */
export const CONFIG_KEY = 'bro';

export interface ConfigSources {
  readonly client: Pick<ManagerClient, 'call'>;
  readonly options: ReadonlyMap<string, OsqueryOption>;
  /** `--config` of our own command line. */
  readonly file: string | undefined;
}

/**
 * Reads our configuration where osquery has it: from its active config plugin, whatever that is; else from the
 * file that `--config_path` names; else from our own `--config`. What is good is in force at once; what is bad
 * leaves the last good one in force. What is to be said about it is said when it is new, not at each reading.
 */
export class ConfigReader {
  readonly #house: House;
  #said = '';

  constructor(house: House) {
    this.#house = house;
  }

  async read(sources: ConfigSources): Promise<Configured> {
    const { settings, problems = [], warnings } = await parsedOf(sources);
    this.#say(problems, warnings, settings?.endpoints.length === 0);
    if (!settings) return { outcome: 'refused', problems };
    this.#house.takeSettings(settings);
    const { endpoints, groups, policy } = settings;
    return {
      outcome: 'configured',
      configuration: { peers: endpoints.map(({ peer }) => peer), groups, policy },
    };
  }

  #say(problems: readonly string[], warnings: readonly string[], isAlone: boolean): void {
    const { log } = this.#house;
    const area = 'config';
    const said = JSON.stringify([problems, warnings, isAlone]);
    if (said === this.#said) return;
    this.#said = said;
    for (const warning of warnings) log.warn({ area }, warning);
    for (const problem of problems) log.error({ area }, problem);
    if (problems.length > 0) {
      log.error({ area }, 'the configuration is refused; what was in force before stays so');
    }
    if (isAlone) log.warn({ area }, `osquery's configuration names no Zeek under the key ${CONFIG_KEY}`);
  }
}

async function parsedOf(sources: ConfigSources): Promise<{
  readonly settings?: Settings;
  readonly problems?: readonly string[];
  readonly warnings: readonly string[];
}> {
  try {
    return parseSettings(await findBro(sources));
  } catch (error) {
    return { problems: [error instanceof Error ? error.message : String(error)], warnings: [] };
  }
}

async function findBro({ client, options, file }: ConfigSources): Promise<unknown> {
  const fromPlugin = await askPlugin(client, options.get('config_plugin')?.value ?? '');
  if (fromPlugin !== undefined) return fromPlugin;
  const path = options.get('config_path')?.value ?? '';
  const fromOsquery = readFile(path, false);
  if (fromOsquery !== undefined) return fromOsquery;
  return file === undefined ? undefined : readFile(file, true);
}

async function askPlugin(client: Pick<ManagerClient, 'call'>, plugin: string): Promise<unknown> {
  // Asking osquery for our own plugin would have it ask us.
  if (plugin === PLUGIN_NAME) return undefined;
  const { status, response } = await client.call('config', '', GEN_CONFIG, 10_000);
  return status.code === 0 ? configMember(parseGenConfig(response), CONFIG_KEY) : undefined;
}

function readFile(path: string, required: boolean): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (!required) return undefined;
    throw new Error(
      `can't read the configuration ${path}: ${error instanceof Error ? error.message : error}`,
    );
  }
  return configMember(new Map([[path, text]]), CONFIG_KEY);
}
