import type { Config, ScheduleEntry } from '../config/config.ts';
import type { Flags } from '../flags.ts';
import type { Performance } from '../query-runner.ts';
import type { Registry } from '../registry.ts';
import { columns, type Table } from '../sql/table.ts';
import { VERSION } from '../version.ts';

export interface OsqueryFacts {
  readonly config: Config;
  readonly flags: Flags;
  readonly registry: Registry;
  readonly pid: number;
  readonly hostUuid: string;
  readonly instanceId: string;
  readonly startTime: number;
  readonly managerSocket: string;
  readonly performance: (name: string) => Performance;
  readonly isDenied: (entry: ScheduleEntry) => boolean;
}

/** The tables in which osquery tells of itself. */
export function osqueryTables(facts: OsqueryFacts): Table[] {
  return [
    info(facts),
    schedule(facts),
    packs(facts),
    extensions(facts),
    registryTable(facts),
    flagsTable(facts),
  ];
}

function info({ config, flags, hostUuid, instanceId, pid, startTime }: OsqueryFacts): Table {
  return {
    name: 'osquery_info',
    attributes: 1,
    columns: columns(
      'pid INTEGER',
      'uuid TEXT nocase',
      'instance_id TEXT',
      'version TEXT version',
      'config_hash TEXT nocase',
      'config_valid INTEGER',
      'extensions TEXT',
      'build_platform TEXT',
      'build_distro TEXT',
      'start_time INTEGER',
      'watcher INTEGER',
      'platform_mask INTEGER',
    ),
    generate: () => [
      {
        pid,
        uuid: hostUuid,
        instance_id: instanceId,
        version: VERSION,
        config_hash: config.hash(),
        config_valid: config.valid ? 1 : 0,
        extensions: flags.bool('disable_extensions') ? 'inactive' : 'active',
        build_platform: 'linux',
        build_distro: 'stand-in',
        start_time: startTime,
        watcher: -1,
        platform_mask: 9,
      },
    ],
  };
}

function schedule({ config, isDenied, performance }: OsqueryFacts): Table {
  return {
    name: 'osquery_schedule',
    attributes: 1,
    needsScheduleLock: true,
    columns: columns(
      'name TEXT',
      'query TEXT',
      'interval INTEGER',
      'executions BIGINT',
      'last_executed BIGINT',
      'denylisted INTEGER',
      'output_size BIGINT',
      'wall_time BIGINT',
      'wall_time_ms BIGINT',
      'last_wall_time_ms BIGINT',
      'user_time BIGINT',
      'last_user_time BIGINT',
      'system_time BIGINT',
      'last_system_time BIGINT',
      'average_memory BIGINT',
      'last_memory BIGINT',
      'blacklisted INTEGER =denylisted',
    ),
    generate: () =>
      config.schedule().map((entry) => {
        const { name, query } = entry;
        const done = performance(name);
        return {
          name,
          query: query.query,
          interval: query.interval,
          executions: done.executions,
          last_executed: done.lastExecuted,
          denylisted: isDenied(entry) ? 1 : 0,
          output_size: done.outputSize,
          wall_time: Math.floor(done.wallTimeMs / 1000),
          wall_time_ms: Math.round(done.wallTimeMs),
          last_wall_time_ms: Math.round(done.lastWallTimeMs),
          user_time: 0,
          last_user_time: 0,
          system_time: 0,
          last_system_time: 0,
          average_memory: 0,
          last_memory: 0,
        };
      }),
  };
}

function packs({ config }: OsqueryFacts): Table {
  return {
    name: 'osquery_packs',
    attributes: 1,
    needsScheduleLock: true,
    columns: columns(
      'name TEXT',
      'platform TEXT',
      'version TEXT version',
      'shard INTEGER',
      'discovery_cache_hits INTEGER',
      'discovery_executions INTEGER',
      'active INTEGER',
    ),
    generate: () =>
      config.packs.map((pack) => ({
        name: pack.name,
        platform: pack.platform,
        version: pack.version,
        shard: pack.shard,
        discovery_cache_hits: 0,
        discovery_executions: 1,
        active: config.isActive(pack) ? 1 : 0,
      })),
  };
}

function extensions({ managerSocket, registry }: OsqueryFacts): Table {
  return {
    name: 'osquery_extensions',
    attributes: 1,
    columns: columns(
      'uuid BIGINT',
      'name TEXT',
      'version TEXT version',
      'sdk_version TEXT version',
      'path TEXT',
      'type TEXT',
    ),
    generate: () => [
      { uuid: 0, name: 'core', version: VERSION, sdk_version: '0.0.0', path: managerSocket, type: 'core' },
      ...registry.extensions.map(({ uuid, info: { name, version, sdkVersion }, socket }) => ({
        uuid,
        name,
        version,
        sdk_version: sdkVersion,
        path: socket,
        type: 'extension',
      })),
    ],
  };
}

/** Registries whose items are osquery's own affair (s01). */
const INTERNAL: ReadonlySet<string> = new Set(['config_parser', 'database', 'enroll', 'sql']);

/** Of several loggers at a time none counts as active (registry.active is their names, joined). */
function registryTable({ registry }: OsqueryFacts): Table {
  return {
    name: 'osquery_registry',
    attributes: 1,
    columns: columns(
      'registry TEXT',
      'name TEXT',
      'owner_uuid INTEGER',
      'internal INTEGER',
      'active INTEGER',
    ),
    generate: () =>
      registry.items().map((item) => {
        const active = registry.active(item.registry);
        return {
          registry: item.registry,
          name: item.name,
          owner_uuid: item.owner,
          internal: INTERNAL.has(item.registry) ? 1 : 0,
          active: active === '' || active === item.name ? 1 : 0,
        };
      }),
  };
}

/** Flags of osqueryi alone. */
const SHELL_ONLY: ReadonlySet<string> = new Set([
  ...['connect', 'csv', 'extension', 'header', 'json', 'json_pretty', 'line', 'list', 'output', 'pack'],
  ...['planner', 'profile', 'query', 'query_file', 'separator'],
]);

function flagsTable({ flags }: OsqueryFacts): Table {
  return {
    name: 'osquery_flags',
    attributes: 1,
    columns: columns(
      'name TEXT',
      'type TEXT',
      'description TEXT',
      'default_value TEXT',
      'value TEXT',
      'shell_only INTEGER',
    ),
    generate: () =>
      [...flags.entries()]
        .filter(([name]) => name.length > 1)
        .map(([name, { defaultValue, type, value }]) => ({
          name,
          type,
          description: '',
          default_value: defaultValue,
          value,
          shell_only: SHELL_ONLY.has(name) ? 1 : 0,
        })),
  };
}
