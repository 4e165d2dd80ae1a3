import { readFileSync } from 'node:fs';
import type { Configured } from '../../../actors/osquery-core.machine.ts';
import { parseSettings } from '../../config/parse.ts';
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
 * leaves the last good one in force.
 */
export async function readConfig(house: House, sources: ConfigSources): Promise<Configured> {
  try {
    const bro = await findBro(sources);
    const parsed = parseSettings(bro);
    for (const warning of parsed.warnings) house.log.warn({ area: 'config' }, warning);
    if ('problems' in parsed) return { outcome: 'refused', problems: parsed.problems };
    house.takeSettings(parsed.settings);
    const { endpoints, groups, policy } = parsed.settings;
    return {
      outcome: 'configured',
      configuration: { peers: endpoints.map(({ peer }) => peer), groups, policy },
    };
  } catch (error) {
    return { outcome: 'refused', problems: [error instanceof Error ? error.message : String(error)] };
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
