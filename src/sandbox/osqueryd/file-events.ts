import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, watch } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Clock } from './clock.ts';
import { unixTime } from './clock.ts';
import { columns, type Table } from './sql/table.ts';

type EventRow = Record<string, string>;

/** Files above it are not hashed (--read_max). */
const MAX_HASHED = 50 * 1024 * 1024;

/** How many events are kept for queries (--events_max). */
const MAX_KEPT = 50_000;

/**
 * osquery's `file_events` by means of fs.watch: CREATED, UPDATED and DELETED of files that the config's
 * `file_paths` name. What fs.watch doesn't tell (moves, attributes) isn't there.
 */
export class FileEvents {
  readonly #clock: Clock;
  readonly #emit: (json: string) => void;
  readonly #watchers = new Map<string, { close(): void }>();
  readonly #known = new Set<string>();
  /** The number up to which a scheduled query has had the events. */
  readonly #taken = new Map<string, number>();
  #events: EventRow[] = [];
  #first = 0;
  #nextId = 2;

  /** @param emit gets each event as JSON the moment it happens */
  constructor(clock: Clock, emit: (json: string) => void) {
    this.#clock = clock;
    this.#emit = emit;
  }

  /** Watches what the config names now, and nothing else any more. */
  configure(paths: ReadonlyMap<string, readonly string[]>): void {
    const wanted = new Map<
      string,
      { category: string; directory: string; recursive: boolean; only?: string }
    >();
    for (const [category, patterns] of paths) {
      for (const pattern of patterns)
        wanted.set(`${category}\0${pattern}`, { category, ...watchedPlace(pattern) });
    }
    for (const [key, watcher] of this.#watchers) {
      if (wanted.has(key)) continue;
      watcher.close();
      this.#watchers.delete(key);
    }
    for (const [key, place] of wanted) if (!this.#watchers.has(key)) this.#watch(key, place);
  }

  close(): void {
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  /** The table; for a scheduled query only the events since that query's last run. */
  table(query?: string): Table {
    return {
      name: 'file_events',
      attributes: 4,
      eventBased: true,
      columns: FILE_EVENTS_COLUMNS,
      generate: () => {
        if (query === undefined) return this.#events;
        const from = this.#taken.get(query) ?? this.#first;
        this.#taken.set(query, this.#first + this.#events.length);
        return this.#events.slice(Math.max(0, from - this.#first));
      },
    };
  }

  #watch(
    key: string,
    place: { category: string; directory: string; recursive: boolean; only?: string },
  ): void {
    if (!existsSync(place.directory)) return;
    const watcher = watch(
      place.directory,
      { recursive: place.recursive, persistent: false },
      (kind, name) => {
        if (name === null || (place.only !== undefined && name !== place.only)) return;
        this.#happened(place.category, kind, join(place.directory, name));
      },
    );
    watcher.on('error', () => watcher.close());
    this.#watchers.set(key, watcher);
  }

  #happened(category: string, kind: string, path: string): void {
    const exists = existsSync(path);
    if (!exists && kind === 'change') return;
    const action = !exists ? 'DELETED' : kind === 'rename' && !this.#known.has(path) ? 'CREATED' : 'UPDATED';
    if (exists) this.#known.add(path);
    else this.#known.delete(path);
    const eid = String(this.#nextId).padStart(10, '0');
    this.#nextId += 1;
    const event: EventRow = {
      action,
      category,
      eid,
      target_path: path,
      time: String(unixTime(this.#clock)),
      transaction_id: '0',
      ...(exists ? fileFacts(path) : { hashed: '0' }),
    };
    this.#events.push(event);
    if (this.#events.length > MAX_KEPT) {
      this.#events = this.#events.slice(1);
      this.#first += 1;
    }
    this.#emit(
      JSON.stringify(Object.fromEntries(Object.entries(event).sort(([a], [b]) => (a < b ? -1 : 1)))),
    );
  }
}

const FILE_EVENTS_COLUMNS = columns(
  'target_path TEXT',
  'category TEXT',
  'action TEXT',
  'transaction_id BIGINT',
  'inode BIGINT',
  'uid BIGINT',
  'gid BIGINT',
  'mode TEXT',
  'size BIGINT',
  'atime BIGINT',
  'mtime BIGINT',
  'ctime BIGINT',
  'md5 TEXT nocase',
  'sha1 TEXT nocase',
  'sha256 TEXT nocase',
  'hashed INTEGER',
  'time BIGINT additional',
  'eid TEXT hidden',
);

function fileFacts(path: string): EventRow {
  try {
    const stat = statSync(path);
    const facts = {
      inode: String(stat.ino),
      uid: String(stat.uid),
      gid: String(stat.gid),
      mode: (stat.mode & 0o7777).toString(8).padStart(4, '0'),
      size: String(stat.size),
      atime: String(Math.floor(stat.atimeMs / 1000)),
      mtime: String(Math.floor(stat.mtimeMs / 1000)),
      ctime: String(Math.floor(stat.ctimeMs / 1000)),
    };
    if (!stat.isFile() || stat.size > MAX_HASHED) return { ...facts, hashed: '0' };
    const bytes = readFileSync(path);
    const hash = (algorithm: string) => createHash(algorithm).update(bytes).digest('hex');
    return { ...facts, md5: hash('md5'), sha1: hash('sha1'), sha256: hash('sha256'), hashed: '1' };
  } catch {
    return { hashed: '-1' };
  }
}

/** `/d/%%` everything below, `/d/%` the directory's own entries, else the one file. */
function watchedPlace(pattern: string): { directory: string; recursive: boolean; only?: string } {
  const wild = pattern.search(/[%*]/);
  if (wild < 0) return { directory: dirname(pattern), recursive: false, only: basename(pattern) };
  const directory = pattern.slice(0, pattern.lastIndexOf('/', wild)) || '/';
  return { directory, recursive: /%%|\*\*/.test(pattern) };
}
