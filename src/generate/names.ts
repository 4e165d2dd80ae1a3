import { createHash } from 'node:crypto';

/** Longest name of a pack or a query: both are in the name of a log's file. */
const LONGEST = 80;

/** What a name becomes in Zeek's scripts and in the names of logs: small letters, digits and single underscores. */
export function legalName(text: string): string {
  const plain = text
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replaceAll(/^_+|_+$/g, '');
  const named = /^[a-z]/.test(plain) ? plain : `q_${plain || digest(text)}`;
  return named.length <= LONGEST ? named : `${named.slice(0, LONGEST - 7)}_${digest(text)}`;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 6);
}

/**
 * Legal names, each for one name: those of the run before stay, so that a log keeps its name whatever comes beside it.
 * Where two names become the same, the one that comes later in the alphabet gets a hash of itself behind it.
 */
export function allocateNames(
  names: readonly string[],
  previous: ReadonlyMap<string, string> = new Map(),
): ReadonlyMap<string, string> {
  const allocated = new Map<string, string>();
  const taken = new Set<string>();
  const give = (name: string, legal: string) => {
    allocated.set(name, legal);
    taken.add(legal);
  };
  for (const name of new Set(names)) {
    const kept = previous.get(name);
    if (kept !== undefined && !taken.has(kept)) give(name, kept);
  }
  for (const name of [...new Set(names)].sort()) {
    if (allocated.has(name)) continue;
    const legal = legalName(name);
    give(name, taken.has(legal) ? `${legal}_${digest(name)}` : legal);
  }
  return allocated;
}

/** Words of Zeek's language that can't be names (its scanner, 8.0 and 8.2), and the names of the scripts' own. */
const RESERVED = new Set(
  `add addr any as assert bool break case const copy count default delete double else enum event export F fallthrough file
  for function global hook if in interval int is list local module next of opaque option or order pattern port print
  record redef return schedule set string subnet switch T table time timeout type using vector when while
  info row enabled query_interval log_policy interval_changed LOG Info unset_count`.split(/\s+/),
);
/** What a log of rows begins with. */
const ROW_COLUMNS = new Set(['ts', 'host_time', 'hid', 'hostname', 'change', 'query_id', 'seq']);

/** A column as Zeek's scripts call it, and as its log does. */
export interface ColumnName {
  readonly field: string;
  readonly logged: string;
}

/** Names of columns, each once: a column of osquery keeps its name in the log wherever Zeek can have it. */
export function columnNames(columns: readonly string[]): readonly ColumnName[] {
  const fields = new Set<string>();
  return columns.map((column) => {
    const plain = column.replaceAll(/\W+/g, '_').replaceAll(/^_+|_+$/g, '');
    const named = /^[A-Za-z]/.test(plain) ? plain : `column_${plain || fields.size + 1}`;
    const logged = free(ROW_COLUMNS.has(named) ? `${named}_` : named, fields);
    fields.add(logged);
    return { field: RESERVED.has(logged) ? `${logged}_` : logged, logged };
  });
}

function free(name: string, taken: ReadonlySet<string>): string {
  let number = 1;
  let candidate = name;
  while (taken.has(candidate) || taken.has(`${candidate}_`)) {
    number += 1;
    candidate = `${name.replace(/_$/, '')}_${number}`;
  }
  return candidate;
}
