/**
 * How the tables of Zeek Agent are made of osquery's: SELECTs that give their columns, in their order. osquery's tables
 * are in the schema temp; named with it they are osquery's own, whatever a statement has under the same name.
 */

import type { RowSource } from '../schedule/translation.ts';
import { isWild, likePattern, sqliteGlob } from './glob.ts';

/** What of this host the tables depend on. */
export interface HostFacts {
  /** Names of osquery's tables, in small letters; of event tables those alone whose events it collects. */
  readonly tables: ReadonlySet<string>;
  readonly platform: 'linux' | 'darwin' | 'windows';
  /** Whether the system's own log can be read (journald's). */
  readonly hasSystemLog: boolean;
}

/** The SELECTs by table; one that this host can't have is missing. */
export function tableBodies(facts: HostFacts): ReadonlyMap<string, string> {
  const bodies = new Map<string, string>();
  const { tables } = facts;
  if (tables.has('processes')) bodies.set('processes', processes(facts));
  if (tables.has('users')) bodies.set('users', users(facts));
  if (tables.has('process_open_sockets')) bodies.set('sockets', SOCKETS);
  const processEvents = PROCESS_EVENTS.find(({ table }) => tables.has(table));
  if (processEvents) bodies.set('processes_events', processEvents.body);
  const socketEvents = SOCKET_EVENTS.find(({ table }) => tables.has(table));
  if (socketEvents) bodies.set('sockets_events', socketEvents.body);
  const logs = facts.hasSystemLog ? undefined : SYSTEM_LOGS.find(({ table }) => tables.has(table));
  if (logs) bodies.set('system_logs_events', logs.body);
  return bodies;
}

/** osquery's answer where it does not know an id. */
const known = (column: string) => `nullif(${column}, -1)`;
const text = (value: string) => `'${value.replaceAll("'", "''")}'`;

function processes({ platform }: HostFacts): string {
  // Linux counts from 0 to 39 where nice does from -20 to 19.
  const priority = platform === 'linux' ? 'nice + 20' : 'nice';
  // Zeek Agent has no start on Linux, and on macOS the time since the epoch.
  const startup = platform === 'darwin' ? 'start_time * 1000000000' : 'NULL';
  return `SELECT name, pid, ${known('parent')} AS ppid, ${known('euid')} AS uid, ${known('egid')} AS gid, ${known('uid')} AS ruid, ${known('gid')} AS rgid, CAST(${priority} AS TEXT) AS priority, ${startup} AS startup, ${known('total_size')} AS vsize, ${known('resident_size')} AS rsize, nullif(user_time, -1) / 1000 * 1000000000 AS utime, nullif(system_time, -1) / 1000 * 1000000000 AS stime FROM temp.processes`;
}

function users({ platform }: HostFacts): string {
  const member = (group: string) =>
    `EXISTS (SELECT 1 FROM temp.user_groups AS m WHERE m.uid = u.uid AND m.gid = ${group})`;
  switch (platform) {
    case 'linux':
      return `SELECT username AS name, description AS full_name, uid = 0 AS is_admin, NULL AS is_system, CAST(uid AS TEXT) AS uid, gid, directory AS home, shell, NULL AS email FROM temp.users`;
    case 'darwin':
      return `SELECT username AS name, description AS full_name, ${member('80')} AS is_admin, is_hidden AS is_system, CAST(uid AS TEXT) AS uid, gid, directory AS home, shell, NULL AS email FROM temp.users AS u`;
    case 'windows':
      return `SELECT username AS name, description AS full_name, ${member('544')} AS is_admin, type = 'special' AS is_system, uuid AS uid, NULL AS gid, directory AS home, NULL AS shell, NULL AS email FROM temp.users AS u`;
    default:
      return platform satisfies never;
  }
}

/** AF_INET is 2 everywhere, AF_INET6 10 on Linux, 30 on macOS, 23 on Windows. */
const family = (column: string) =>
  `CASE ${column} WHEN 2 THEN 'IPv4' WHEN 10 THEN 'IPv6' WHEN 23 THEN 'IPv6' WHEN 30 THEN 'IPv6' END`;
const isInternet = (column: string) => `${column} IN (2, 10, 23, 30)`;

/**
 * One row a socket, however many processes and descriptors share it; osquery may have one for each of those. Names come
 * from one reading of all processes: to ask osquery for each by its id took five times as long for 12,000 sockets.
 */
const SOCKETS = `WITH names AS MATERIALIZED (SELECT pid, name FROM temp.processes), open AS (SELECT min(pid) AS pid, family, protocol, local_address, local_port, remote_address, remote_port, state FROM temp.process_open_sockets WHERE ${isInternet('family')} GROUP BY socket, family, protocol, local_address, local_port, remote_address, remote_port, state) SELECT nullif(pid, -1) AS pid, CASE WHEN pid > 0 THEN (SELECT name FROM names WHERE names.pid = open.pid) END AS process, ${family('family')} AS family, protocol, local_address AS local_addr, local_port, remote_address AS remote_addr, remote_port, CASE state WHEN '' THEN NULL WHEN 'SYN_RECV' THEN 'SYN_RECEIVED' WHEN 'FIN_WAIT1' THEN 'FIN_WAIT_1' WHEN 'FIN_WAIT2' THEN 'FIN_WAIT_2' ELSE state END AS state FROM open`;

interface EventBody {
  readonly table: string;
  readonly body: string;
}

/** What comes after the last slash of a path. */
const basename = (path: string) => `substr(${path}, length(rtrim(${path}, replace(${path}, '/', ''))) + 1)`;
const microseconds = (column: string) => `${column} * 1000000`;

function processEvents(
  table: string,
  ids: Readonly<Record<'uid' | 'gid' | 'ruid' | 'rgid', string>>,
  state: string,
  where = '',
): EventBody {
  const body = `SELECT ${microseconds('time')} AS time, ${basename('path')} AS name, pid, ${known('parent')} AS ppid, ${ids.uid} AS uid, ${ids.gid} AS gid, ${ids.ruid} AS ruid, ${ids.rgid} AS rgid, NULL AS priority, NULL AS duration, NULL AS vsize, NULL AS rsize, NULL AS utime, NULL AS stime, ${state} AS state FROM temp.${table}${where}`;
  return { table, body };
}

const ALL_IDS = { uid: known('euid'), gid: known('egid'), ruid: known('uid'), rgid: known('gid') };

/** In order of preference. Of ends of processes only macOS's Endpoint Security tells osquery. */
const PROCESS_EVENTS: readonly EventBody[] = [
  processEvents(
    'es_process_events',
    ALL_IDS,
    "CASE event_type WHEN 'exit' THEN 'stopped' ELSE 'started' END",
    " WHERE event_type IN ('exec', 'exit')",
  ),
  processEvents('process_events', ALL_IDS, "'started'"),
  processEvents(
    'bpf_process_events',
    { uid: known('uid'), gid: known('gid'), ruid: 'NULL', rgid: 'NULL' },
    "'started'",
  ),
];

function socketEvents(
  table: string,
  ids: { readonly uid: string; readonly gid: string },
  state: string,
): EventBody {
  const body = `SELECT ${microseconds('e.time')} AS time, ${known('e.pid')} AS pid, ${basename('e.path')} AS process, ${ids.uid} AS uid, ${ids.gid} AS gid, ${family('e.family')} AS family, CASE WHEN e.protocol > 0 THEN e.protocol END AS protocol, e.local_address AS local_addr, CASE WHEN e.local_port > 0 THEN e.local_port END AS local_port, e.remote_address AS remote_addr, CASE WHEN e.remote_port > 0 THEN e.remote_port END AS remote_port, ${state} AS state FROM temp.${table} AS e${ids.uid.startsWith('p.') ? ' LEFT JOIN temp.processes AS p ON p.pid = ifnull(e.pid, -1)' : ''} WHERE ${isInternet('e.family')}`;
  return { table, body };
}

const SOCKET_EVENTS: readonly EventBody[] = [
  socketEvents(
    'socket_events',
    { uid: 'p.euid', gid: 'p.egid' },
    "CASE e.action WHEN 'bind' THEN 'listen' ELSE CASE e.status WHEN 'failed' THEN 'failed' ELSE 'established' END END",
  ),
  socketEvents(
    'bpf_socket_events',
    { uid: known('e.uid'), gid: known('e.gid') },
    "CASE WHEN e.syscall IN ('bind', 'listen') THEN 'listen' WHEN CAST(e.exit_code AS INTEGER) < 0 THEN 'failed' ELSE 'established' END",
  ),
];

/** Where there is no journal, what else osquery has of the system's log. */
const SYSTEM_LOGS: readonly EventBody[] = [
  {
    table: 'syslog_events',
    body: `SELECT ${microseconds('time')} AS time, tag AS process, CAST(severity AS TEXT) AS level, message, NULL AS eventid FROM temp.syslog_events`,
  },
  {
    table: 'windows_events',
    body: `SELECT ${microseconds('time')} AS time, provider_name AS process, CAST(level AS TEXT) AS level, data AS message, CAST(eventid AS TEXT) AS eventid FROM temp.windows_events`,
  },
];

/** `files_list`: osquery's `file` has a row for each path that its condition means. */
export function fileListBody(pattern: string): string {
  const glob = sqliteGlob(pattern);
  const where = isWild(pattern)
    ? `path LIKE ${text(likePattern(pattern))}${glob === undefined ? '' : ` AND rtrim(path, '/') GLOB ${text(glob)}`}`
    : `path = ${text(pattern)}`;
  // A directory that a pattern has found ends in a slash.
  return `SELECT CASE WHEN path = '/' THEN path ELSE rtrim(path, '/') END AS path, CASE type WHEN 'regular' THEN 'file' WHEN 'directory' THEN 'dir' WHEN 'character' THEN 'char' WHEN 'block' THEN 'block' WHEN 'fifo' THEN 'fifo' WHEN 'socket' THEN 'socket' ELSE 'other' END AS type, uid, gid, CASE ltrim(mode, '0') WHEN '' THEN '0' ELSE ltrim(mode, '0') END AS mode, ${microseconds('mtime')} AS mtime, size FROM temp.file WHERE ${where}`;
}

/** Tables of osquery that show the same as what this process reads itself: who may not read those may not read it. */
export const UNDERLYING: Readonly<Record<RowSource['kind'], readonly string[]>> = {
  lines: ['file', 'files_lines'],
  fields: ['file', 'files_columns'],
  'system-log': ['syslog_events', 'system_logs_events'],
  agent: ['zeek_agent'],
  'agent-log': ['zeek_logger'],
};
