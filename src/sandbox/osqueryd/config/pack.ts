import type { ConfigValue } from './config-json.ts';

/** A query of the schedule, as osqueryd took it from a config. */
export interface ScheduledQuery {
  /** Name within its pack. */
  readonly name: string;
  readonly query: string;
  /** Seconds, as configured. */
  readonly interval: number;
  /** Seconds, with the splay that the database keeps for the name. */
  readonly splayedInterval: number;
  readonly snapshot: boolean;
  readonly removed: boolean;
  readonly denylist: boolean;
  /** Lower runs first at the start; undefined: at its own time. */
  readonly startupPriority: number | undefined;
}

export interface Pack {
  readonly name: string;
  readonly source: string;
  readonly platform: string;
  readonly version: string;
  readonly shard: number;
  readonly discovery: readonly string[];
  readonly queries: readonly ScheduledQuery[];
}

export interface PackLog {
  warning(file: string, line: number, message: string): void;
  verbose(file: string, line: number, message: string): void;
}

export interface PackContext {
  readonly log: PackLog;
  readonly defaultInterval: number;
  /** Keeps and gives the splayed interval of a name. */
  readonly splay: (name: string, interval: number) => number;
}

const RESERVED_PREFIXES = ['query.', 'cache.', 'config_views.'] as const;
const RESERVED_SUFFIXES = ['epoch', 'counter'] as const;
const MAX_INTERVAL = 604_800n;

/** Reads a pack; queries that osqueryd refuses are dropped with its words (osquery.md 6 and 9, s12). */
export function readPack(
  name: string,
  source: string,
  pack: ReadonlyMap<string, ConfigValue>,
  context: PackContext,
): Pack {
  const queries = pack.get('queries');
  if (queries?.kind !== 'object')
    context.log.verbose('packs.cpp', 181, `No queries defined for pack ${name}`);
  const members = queries?.kind === 'object' ? [...queries.members] : [];
  const accepted = members.flatMap(([queryName, value]) => readQuery(name, queryName, value, context) ?? []);
  const discovery = pack.get('discovery');
  return {
    name,
    source,
    platform: textOf(pack.get('platform')),
    version: textOf(pack.get('version')),
    shard: Number(toSize(pack.get('shard'))),
    discovery: discovery?.kind === 'array' ? discovery.items.map(textOf).filter((sql) => sql !== '') : [],
    queries: accepted.sort(byStart),
  };
}

/** Whether the pack or query with this `platform` is meant for Linux. */
export function isForLinux(platform: string): boolean {
  return platform === '' || /all|any|linux|posix/.test(platform);
}

function readQuery(
  pack: string,
  name: string,
  value: ConfigValue,
  { log, defaultInterval, splay }: PackContext,
): ScheduledQuery | undefined {
  if (value.kind !== 'object') {
    log.verbose('packs.cpp', 190, `The pack ${pack} contains an invalid query`);
    return undefined;
  }
  const query = value.members;
  if (!isForLinux(textOf(query.get('platform')))) return undefined;
  if (RESERVED_PREFIXES.some((prefix) => name.startsWith(prefix))) {
    const list = RESERVED_PREFIXES.join(', ');
    log.warning(
      'packs.cpp',
      216,
      `Invalid query name: ${name} starts with one of the reserved prefixes: ${list}`,
    );
    return undefined;
  }
  if (RESERVED_SUFFIXES.some((suffix) => name.endsWith(suffix))) {
    const list = RESERVED_SUFFIXES.join(', ');
    log.warning(
      'packs.cpp',
      223,
      `Invalid query name: ${name} ends with one of the reserved suffixes: ${list}`,
    );
    return undefined;
  }
  const sql = query.get('query');
  if (sql?.kind !== 'string') {
    log.verbose('packs.cpp', 230, `No query string defined for query ${name}`);
    return undefined;
  }
  const given = query.get('interval');
  const interval = given ? toSize(given) : BigInt(defaultInterval);
  if (interval <= 0n || interval > MAX_INTERVAL || sql.text === '') {
    log.warning('packs.cpp', 247, `Query has invalid interval: ${name}: ${interval}`);
    return undefined;
  }
  const priority = query.get('startup_priority');
  return {
    name,
    query: sql.text,
    interval: Number(interval),
    splayedInterval: splay(name, Number(interval)),
    snapshot: toBool(query.get('snapshot'), false),
    removed: toBool(query.get('removed'), true),
    denylist: toBool(query.get('denylist'), true),
    startupPriority: priority ? Number(toSize(priority)) : undefined,
  };
}

/** Queries with a startup priority first, then by name. */
function byStart(a: ScheduledQuery, b: ScheduledQuery): number {
  const priority = (a.startupPriority ?? Number.MAX_VALUE) - (b.startupPriority ?? Number.MAX_VALUE);
  return priority !== 0 ? priority : Buffer.compare(Buffer.from(a.name), Buffer.from(b.name));
}

function textOf(value: ConfigValue | undefined): string {
  return value?.kind === 'string' ? value.text : '';
}

/**
 * The number as an unsigned 64 bit one. -1 wraps round and 1.5 shows its bits: both come out far above any
 * limit, as osqueryd reports them (s12).
 */
export function toSize(value: ConfigValue | undefined): bigint {
  if (value?.kind === 'string') return /^\s*\d+$/.test(value.text) ? BigInt(value.text.trim()) : 0n;
  if (value?.kind !== 'number') return 0n;
  if (/^-?\d+$/.test(value.text)) return BigInt.asUintN(64, BigInt(value.text));
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, Number(value.text));
  return bits.getBigUint64(0);
}

function toBool(value: ConfigValue | undefined, missing: boolean): boolean {
  switch (value?.kind) {
    case undefined:
      return missing;
    case 'bool':
      return value.value;
    case 'number':
      return Number(value.text) !== 0;
    case 'string':
      return /^(true|t|yes|y|1|on)$/i.test(value.text);
    default:
      return false;
  }
}
