import { readFileSync } from 'node:fs';
import { misplacedKeys } from '../../../config/unknown-keys.ts';
import { configMember, GEN_CONFIG, parseGenConfig } from '../../../osquery/config-plugin.ts';
import type { ManagerClient } from '../../../osquery/manager-client.ts';
import type { OsqueryOption } from '../../../osquery/manager-values.ts';
import { PLUGIN_NAME } from '../../../osquery/registration.ts';
import { reasonOf } from '../../../text/reason.ts';

/** The member that osquery's configuration has for us. */
const CONFIG_KEY = 'bro';

export interface ConfigSources {
  readonly client: Pick<ManagerClient, 'call'>;
  /** osqueryd's flags. */
  readonly options: ReadonlyMap<string, OsqueryOption>;
  /** `--config` of our own command line. */
  readonly file: string | undefined;
}

export interface FoundConfig {
  /** Where, in words; empty: nowhere. */
  readonly source: string;
  /** The member as it is written there; undefined: there is none. */
  readonly bro: unknown;
  /** osquery's own options beside it. */
  readonly options: unknown;
  /** Found in place of what osquery has, which could not be asked. */
  readonly isStopgap: boolean;
}

/**
 * Finds our configuration where osquery has it: at its active config plugin, whatever that is; else in the file
 * that `--config_path` names; else in our own `--config`. That osquery has a configuration without us is one thing,
 * and a host without Zeeks; that it can't say what its configuration is (a server that is down, a file that is just
 * being replaced) is another, and throws. Only while osquery has never said it, `--config` does instead.
 *
 * @param former where the configuration in force was found
 */
export async function findConfig(sources: ConfigSources, former: string): Promise<FoundConfig> {
  const { file, options } = sources;
  let isStopgap = false;
  try {
    const found = (await fromPlugin(sources)) ?? fromFile(options.get('config_path')?.value ?? '');
    if (found) return { ...found, isStopgap };
  } catch (error) {
    if (!(error instanceof SourceError) || file === undefined || ![file, ''].includes(former)) throw error;
    isStopgap = true;
  }
  const own = file === undefined ? undefined : fromFile(file, true);
  return { ...(own ?? { source: '', bro: undefined, options: undefined }), isStopgap };
}

type Found = Pick<FoundConfig, 'source' | 'bro' | 'options'>;

/** A source that could not be asked, as opposed to one that says something wrong. */
class SourceError extends Error {
  override readonly name = 'SourceError';
}

async function fromPlugin({ client, options }: ConfigSources): Promise<Found | undefined> {
  const plugin = options.get('config_plugin')?.value ?? '';
  // Asking osquery for our own plugin would have it ask us.
  if (plugin === PLUGIN_NAME) return undefined;
  // By its name: an osqueryd that is starting has not made it the active one yet.
  const { status, response } = await client.call('config', plugin, GEN_CONFIG, 10_000);
  if (status.code !== 0) {
    throw new SourceError(`osquery's config plugin ${plugin} returned no configuration: ${status.message}`);
  }
  const texts = parseGenConfig(response);
  const bro = configMember(texts, CONFIG_KEY);
  const besides = configMember(texts, 'options');
  return bro === undefined && misplacedKeys(besides).length === 0
    ? undefined
    : { source: `osquery's config plugin ${plugin}`, bro, options: besides };
}

/**
 * What a file has for us; undefined: nothing, or there is no file, unless it is required. Throws where it can't be read.
 */
export function fromFile(path: string, required = false): Found | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (!required && isAbsent(error)) return undefined;
    throw new SourceError(`can't read the configuration ${path}: ${reasonOf(error)}`);
  }
  const texts = new Map([[path, text]]);
  const bro = configMember(texts, CONFIG_KEY);
  return bro === undefined ? undefined : { source: path, bro, options: configMember(texts, 'options') };
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
