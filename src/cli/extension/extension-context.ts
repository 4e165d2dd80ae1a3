import type { Logger } from 'pino';
import type { Bus } from '../../bus/bus.ts';
import { parseSettings } from '../../config/parse.ts';
import type { Settings } from '../../config/settings.ts';
import { createVocabularies, type Vocabularies } from '../../vocabulary/vocabularies.ts';
import { OwnLog } from '../../zeek-agent/own-log.ts';

/** What the extension takes from its runtime: time, randomness, ids. Bound once, in the composition root. */
export interface Runtime {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** 0..1 */
  readonly random: () => number;
  /** A random UUID of version 4. */
  readonly uuid: () => string;
}

/** What all parts of a running extension share. */
export interface ExtensionContext {
  readonly runtime: Runtime;
  readonly log: Logger;
  /** The last lines of that. */
  readonly ownLog: OwnLog;
  readonly bus: Bus;
  readonly endpointId: string;
  /** Random, new at each start. */
  readonly instanceId: string;
  readonly version: string;
  /** The configuration in force. */
  readonly settings: () => Settings;
  readonly vocabularies: () => Vocabularies;
  readonly takeSettings: (settings: Settings) => void;
}

/** A host that nobody has configured: no Bros, every limit at its default. */
export function defaultSettings(): Settings {
  const parsed = parseSettings(undefined);
  if ('problems' in parsed) throw new Error(parsed.problems.join('; '));
  return parsed.settings;
}

export function createExtensionContext(parts: {
  readonly runtime: Runtime;
  readonly log: Logger;
  /** Has nothing where it is not given what the log writes. */
  readonly ownLog?: OwnLog;
  readonly bus: Bus;
  readonly version: string;
}): ExtensionContext {
  let settings = defaultSettings();
  let vocabularies = createVocabularies(settings.vocabularies);
  return {
    ...parts,
    ownLog: parts.ownLog ?? new OwnLog(),
    endpointId: parts.runtime.uuid(),
    instanceId: parts.runtime.uuid(),
    settings: () => settings,
    vocabularies: () => vocabularies,
    takeSettings(next) {
      settings = next;
      vocabularies = createVocabularies(next.vocabularies);
    },
  };
}
