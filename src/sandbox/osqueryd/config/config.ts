import { createHash } from 'node:crypto';
import { CLI_ONLY } from '../flag-table.ts';
import type { Flags } from '../flags.ts';
import type { StatusLog } from '../logging/status-log.ts';
import { ConfigError, type ConfigValue, parseConfig, parseJson } from './config-json.ts';
import { isForLinux, type Pack, readPack, type ScheduledQuery, toSize } from './pack.ts';
import { splayedInterval } from './splay.ts';

/** Where the splay of a name is kept. */
export interface SplayStore {
  splay(name: string): string | undefined;
  setSplay(name: string, value: string): void;
}

export interface ConfigOptions {
  readonly flags: Flags;
  readonly log: StatusLog;
  readonly splays: SplayStore;
  readonly random: () => number;
  /** Whether a discovery query has rows. */
  readonly discover: (sql: string) => Promise<boolean>;
  /** Fetches a pack that the config names by a text; undefined when there is none. */
  readonly fetchPack: (name: string, value: string) => Promise<string | undefined>;
}

/** An entry of the schedule with its full name. */
export interface ScheduleEntry {
  readonly name: string;
  readonly query: ScheduledQuery;
  readonly pack: Pack;
}

/**
 * osqueryd's config: sources, each a whole config text that replaces what the same source said before.
 * The order of things in {@link update} is osqueryd's own, its traps included: the text's hash is kept and
 * the source's packs are gone before the text is looked at (s12).
 */
export class Config {
  readonly #options: ConfigOptions;
  readonly #hashes = new Map<string, string>();
  readonly #files = new Map<string, ReadonlyMap<string, readonly string[]>>();
  readonly #decorators = new Map<string, readonly string[]>();
  #packs: readonly Pack[] = [];
  /** Packs whose discovery queries said no. */
  #inactive: ReadonlySet<Pack> = new Set();
  valid = false;
  /** Whether the config plugin has been asked; before that an update is taken without a word. */
  loaded = false;

  constructor(options: ConfigOptions) {
    this.#options = options;
  }

  /** @returns whether anything was taken over. @throws ConfigError in osqueryd's words */
  async update(sources: ReadonlyMap<string, string>): Promise<boolean> {
    let changed = false;
    for (const [source, text] of sources) {
      try {
        changed = (await this.#updateSource(source, text)) || changed;
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        const { log } = this.#options;
        log.error(
          'config.cpp',
          968,
          `updateSource failed to parse config, of source: ${source} and content: ${text}`,
        );
        this.valid = false;
        throw error;
      }
    }
    if (changed) {
      this.valid = true;
      if (!this.loaded) return true;
      for (const logger of this.#options.flags.list('logger_plugin')) {
        this.#options.log.info('config.cpp', 997, `Calling configure for logger ${logger}`);
      }
    }
    return changed;
  }

  get packs(): readonly Pack[] {
    return this.#packs;
  }

  isActive(pack: Pack): boolean {
    return isForLinux(pack.platform) && !this.#inactive.has(pack);
  }

  /** Asks the discovery queries of all packs; a pack is active when each of its own has rows. */
  async refreshDiscovery(): Promise<void> {
    const inactive = new Set<Pack>();
    for (const pack of this.#packs) {
      for (const sql of pack.discovery) if (!(await this.#options.discover(sql))) inactive.add(pack);
    }
    this.#inactive = inactive;
  }

  /** Entries of all packs that are for this platform, in order of running. */
  schedule(): readonly ScheduleEntry[] {
    const delimiter = this.#options.flags.text('pack_delimiter');
    return this.#packs
      .filter((pack) => this.isActive(pack))
      .flatMap((pack) =>
        pack.queries.map((query) => ({
          name: pack.name === 'main' ? query.name : ['pack', pack.name, query.name].join(delimiter),
          query,
          pack,
        })),
      );
  }

  /** Watched path patterns by category. */
  filePaths(): ReadonlyMap<string, readonly string[]> {
    const merged = new Map<string, readonly string[]>();
    for (const files of this.#files.values()) {
      for (const [category, paths] of files)
        merged.set(category, [...(merged.get(category) ?? []), ...paths]);
    }
    return merged;
  }

  /** Decorator queries that run before each scheduled query or once at load. */
  decorators(): readonly string[] {
    return [...this.#decorators.values()].flat();
  }

  /** SHA1 over the sources' hashes, in order of their names. */
  hash(): string {
    const sha = createHash('sha1');
    for (const source of [...this.#hashes.keys()].sort()) sha.update(this.#hashes.get(source) ?? '');
    return sha.digest('hex');
  }

  async #updateSource(source: string, text: string): Promise<boolean> {
    const hash = createHash('sha1').update(text).digest('hex');
    if (this.#hashes.get(source) === hash) return false;
    this.#hashes.set(source, hash);
    this.#packs = this.#packs.filter((pack) => pack.source !== source);
    this.#files.delete(source);
    this.#decorators.delete(source);
    const root = parseConfig(text);
    const schedule = root.get('schedule');
    if (schedule?.kind === 'object') this.#addPack('main', source, new Map([['queries', schedule]]));
    const packs = root.get('packs');
    for (const [name, value] of packs?.kind === 'object' ? packs.members : []) {
      if (value.kind === 'object') this.#addPack(name, source, value.members);
      else if (value.kind === 'string') await this.#fetchPack(name, source, value.text);
    }
    this.#applyOptions(root.get('options'));
    await this.refreshDiscovery();
    this.#files.set(source, stringLists(root.get('file_paths')));
    this.#decorators.set(source, decoratorQueries(root.get('decorators')));
    return true;
  }

  #addPack(name: string, source: string, value: ReadonlyMap<string, ConfigValue>): void {
    const { flags, log, random, splays } = this.#options;
    // Values 0 and 1 are taken for a mistake.
    if (flags.number('schedule_splay_percent') <= 1) flags.set('schedule_splay_percent', '10');
    const pack = readPack(name, source, value, {
      log,
      defaultInterval: flags.number('schedule_default_interval'),
      splay: (query, interval) => {
        const [known, splayed] = (splays.splay(query) ?? '').split(':').map(Number);
        if (known === interval && splayed !== undefined && splayed > 0) return splayed;
        const fresh = splayedInterval(interval, flags.number('schedule_splay_percent'), random);
        splays.setSplay(query, `${interval}:${fresh}`);
        return fresh;
      },
    });
    // A pack of one name is one pack of its source; the source "" speaks for all sources.
    this.#packs = [
      ...this.#packs.filter((other) => other.name !== name || (source !== '' && other.source !== source)),
      pack,
    ];
  }

  async #fetchPack(name: string, source: string, value: string): Promise<void> {
    const text = await this.#options.fetchPack(name, value);
    const pack = text === undefined ? undefined : parseJson(text);
    if (pack?.kind !== 'object') {
      this.#options.log.warning('config.cpp', 610, `Error reading the query pack named: ${name}`);
      return;
    }
    this.#addPack(name, source, pack.members);
  }

  #applyOptions(options: ConfigValue | undefined): void {
    const { flags, log } = this.#options;
    for (const [name, value] of options?.kind === 'object' ? options.members : []) {
      const text = optionText(value);
      if (text === undefined || name === '') continue;
      if (name.startsWith('custom_')) flags.setCustom(name, text);
      else if (!flags.has(name))
        log.warning('options.cpp', 101, `Cannot set unknown or invalid flag: ${name}`);
      else if (CLI_ONLY.has(name)) log.warning('options.cpp', 106, cliOnlyMessage(name));
      else {
        const wasVerbose = flags.bool('verbose');
        flags.set(name, text);
        if (!wasVerbose && flags.bool('verbose')) {
          log.info('options.cpp', 117, 'Verbose logging enabled by config option');
        }
      }
    }
  }
}

function cliOnlyMessage(name: string): string {
  return `The CLI only flag --${name} set via config file will be ignored, please use a flagfile or pass it to the process at startup`;
}

function optionText(value: ConfigValue): string | undefined {
  switch (value.kind) {
    case 'string':
      return value.text;
    case 'bool':
      return String(value.value);
    case 'number':
      return String(toSize(value));
    default:
      return undefined;
  }
}

function stringLists(value: ConfigValue | undefined): ReadonlyMap<string, readonly string[]> {
  const members = value?.kind === 'object' ? [...value.members] : [];
  return new Map(
    members.map(([name, list]) => [
      name,
      list.kind === 'array' ? list.items.flatMap((item) => (item.kind === 'string' ? [item.text] : [])) : [],
    ]),
  );
}

function decoratorQueries(value: ConfigValue | undefined): readonly string[] {
  const lists = stringLists(value);
  return [...(lists.get('load') ?? []), ...(lists.get('always') ?? [])];
}
