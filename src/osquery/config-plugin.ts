/**
 * The registry `config`, from both sides: giving osquery our schedule as a source of its own
 * (`config/update`), reading its configuration from whatever plugin is active, and being that plugin.
 */

import { ConfigTextError, parseConfigText } from './osquery-config.ts';
import { OsqueryError } from './osquery-error.ts';
import type { Row } from './row.ts';

/** Our source's name. Each source is a whole configuration of its own; those of others stay as they are. */
export const CONFIG_SOURCE = 'bro-osquery';

/**
 * The request of `config/update`. osquery drops a source's schedule before it finds the new text bad, and
 * answers OK to the same bad text the second time; so the text is checked here. Throws ConfigTextError.
 */
export function configUpdate(data: string): Row {
  parseConfigText(data);
  return { action: 'update', source: CONFIG_SOURCE, data };
}

/**
 * The same configuration as another text, by a member that osquery ignores: osquery takes a text with the hash
 * of the last one for unchanged, also when it had dropped that one's schedule.
 */
export function withNonce(data: string, nonce: string): string {
  return JSON.stringify({ ...Object.fromEntries(parseConfigText(data)), 'bro-osquery': nonce });
}

/** The request that reads osquery's configuration; the active plugin is that of the item "". */
export const GEN_CONFIG: Row = { action: 'genConfig' };

/**
 * The texts of the configuration by source, of an answer to {@link GEN_CONFIG}: osquery looks at its first map
 * alone. `update` has none to give: its map is empty.
 */
export function parseGenConfig(response: readonly Row[]): ReadonlyMap<string, string> {
  return new Map(Object.entries(response[0] ?? {}));
}

/**
 * The member of that name in the configuration's sources, the last that has it; undefined where none has.
 * Throws ConfigTextError, with the name of the source, for one that osquery could not read either.
 */
export function configMember(sources: ReadonlyMap<string, string>, name: string): unknown {
  let found: unknown;
  for (const [source, text] of sources) {
    const member = membersOf(source, text).get(name);
    if (member !== undefined) found = member;
  }
  return found;
}

function membersOf(source: string, text: string): ReadonlyMap<string, unknown> {
  try {
    return parseConfigText(text);
  } catch (error) {
    if (!(error instanceof ConfigTextError)) throw error;
    throw new ConfigTextError(error.code, `${source}: ${error.message}`);
  }
}

/** What osquery asks of a config plugin; names and values are byte strings. */
export type ConfigPluginCall =
  | { readonly action: 'genConfig' }
  /** For a pack that is given as a string, which the plugin alone understands. */
  | { readonly action: 'genPack'; readonly name: string; readonly value: string };

/** Throws {@link OsqueryError} `protocol` for what osquery asks of no config plugin. */
export function readConfigPluginCall(request: ReadonlyMap<string, string>): ConfigPluginCall {
  const action = request.get('action');
  if (action === 'genConfig') return { action };
  if (action === 'genPack') {
    return { action, name: request.get('name') ?? '', value: request.get('value') ?? '' };
  }
  throw new OsqueryError('protocol', `unknown config plugin action ${JSON.stringify(action ?? '')}`);
}

/** The answer to `genConfig`: our one source. */
export function genConfigResponse(data: string): readonly Row[] {
  return [{ [CONFIG_SOURCE]: data }];
}
