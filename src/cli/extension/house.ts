import type { Logger } from 'pino';
import type { Bus } from '../../bus/bus.ts';
import { parseSettings } from '../../config/parse.ts';
import type { Settings } from '../../config/settings.ts';
import { createVocabularies, type Vocabularies } from '../../vocabulary/vocabularies.ts';

/** What the world gives the extension: time, chance, ids. Bound once, in the composition root. */
export interface World {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** 0..1 */
  readonly chance: () => number;
  /** A random UUID of version 4. */
  readonly uuid: () => string;
}

/** What all parts of a running extension share. */
export interface House {
  readonly world: World;
  readonly log: Logger;
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

export function createHouse(parts: {
  readonly world: World;
  readonly log: Logger;
  readonly bus: Bus;
  readonly version: string;
}): House {
  let settings = defaultSettings();
  let vocabularies = createVocabularies(settings.vocabularies);
  return {
    ...parts,
    endpointId: parts.world.uuid(),
    instanceId: parts.world.uuid(),
    settings: () => settings,
    vocabularies: () => vocabularies,
    takeSettings(next) {
      settings = next;
      vocabularies = createVocabularies(next.vocabularies);
    },
  };
}
