import type { Command } from '../../src/schedule/commands.ts';
import { query } from './schedule-builders.ts';

/**
 * A night of a host with two Zeeks, of which one restarts at three and does not ask again for everything. The
 * example log in fixtures/event-log/last-night is what these commands come to.
 */

const NIGHT = Date.UTC(2026, 10, 23);
const MANAGER = 'manager.example:9999';
const LAB = 'lab.example:9997';

const at = (clock: string): number => {
  const [hours = 0, minutes = 0, seconds = 0] = clock.split(':').map(Number);
  return NIGHT + ((hours * 60 + minutes) * 60 + seconds) * 1000;
};

const processes = query({ sql: 'SELECT pid, name, cmdline FROM processes', event: 'process_state' });
const sockets = query({
  sql: 'SELECT pid, local_port, remote_address FROM process_open_sockets',
  event: 'socket_state',
  updateType: 'ADDED',
});
const users = query({ sql: 'SELECT uid, username FROM users', event: 'user_state', interval: 60 });

const columnsOf = (sql: string) =>
  (/^SELECT (.*) FROM/.exec(sql)?.[1] ?? '').split(', ').map((name) => ({
    name,
    type: /^(pid|uid)$/.test(name)
      ? ('BIGINT' as const)
      : /port$/.test(name)
        ? ('INTEGER' as const)
        : ('TEXT' as const),
  }));

const tableOf = (sql: string): string => sql.split(' FROM ')[1]?.split(' ')[0] ?? '';

function subscribe(
  clock: string,
  peer: string,
  incarnation: string,
  requestId: number,
  wanted: typeof processes,
  audience: Extract<Command, { type: 'Subscribe' }>['audience'] = { to: 'host' },
): Command {
  return {
    type: 'Subscribe',
    at: at(clock),
    cause: { peer, requestId },
    peer,
    incarnation,
    audience,
    query: wanted,
    columns: columnsOf(wanted.sql),
    tables: [tableOf(wanted.sql)],
  };
}

const connect = (clock: string, peer: string, incarnation: string): Command => ({
  type: 'ConnectBro',
  at: at(clock),
  peer,
  incarnation,
  transport: peer === LAB ? 'websocket' : 'tcp+tls',
});

const FIRST = '5c6a1f0e-51d4-4c9b-8b0a-0d6f5d1b2a01';
const SECOND = '9b1de3c2-7a90-4f3e-9d55-3f2c8b7e4c02';
const LABS = '1f7e7d5a-2f0c-4a8e-b1cb-6c1de9a0b703';

export const lastNight: readonly Command[] = [
  {
    type: 'StartExtension',
    at: at('21:55:00'),
    logId: '7a3e5c19-40cd-4e55-9c6f-2f1b8a4d9e10',
    renewNames: false,
    instanceId: 'c0ffee00-0000-4000-8000-000000000001',
    version: '0.1.0',
  },
  { type: 'ConfigureBros', at: at('21:55:00'), peers: [MANAGER, LAB] },
  { type: 'ConfigureGroups', at: at('21:55:00'), groups: ['servers'] },
  connect('21:55:01', MANAGER, FIRST),
  subscribe('21:55:01', MANAGER, FIRST, 1, processes, { to: 'all' }),
  subscribe('21:55:01', MANAGER, FIRST, 2, sockets),
  {
    type: 'Join',
    at: at('21:55:02'),
    cause: { peer: MANAGER, requestId: 3 },
    peer: MANAGER,
    group: 'geo/de/hamburg',
  },
  subscribe('21:55:02', MANAGER, FIRST, 4, users, { to: 'group', group: 'geo/de' }),
  { type: 'RecordScheduleApplied', at: at('21:55:02'), hash: '3f0a51c2d9e8b7a6', entries: 3 },
  { type: 'CompleteResync', at: at('21:55:31'), peer: MANAGER },
  connect('22:10:00', LAB, LABS),
  subscribe('22:10:00', LAB, LABS, 1, processes),
  {
    type: 'RefuseQuery',
    at: at('22:10:01'),
    cause: { peer: LAB, requestId: 2 },
    peer: LAB,
    request: 'subscribe',
    query: query({ sql: 'SELECT * FROM proceses' }),
    reason: { code: 'osquery', text: 'no such table: proceses' },
  },
  { type: 'CompleteResync', at: at('22:10:30'), peer: LAB },
  {
    type: 'Execute',
    at: at('22:11:00'),
    cause: { peer: LAB, requestId: 3 },
    peer: LAB,
    incarnation: LABS,
    audience: { to: 'host' },
    query: { ...query({ sql: 'SELECT version FROM os_version', event: 'os', updateType: 'SNAPSHOT' }) },
    columns: columnsOf('SELECT version FROM os_version'),
    tables: ['os_version'],
  },
  { type: 'CompleteExecution', at: at('22:11:00'), name: 'bro_7a3e5c19_5', rows: 1, error: '' },
  { type: 'RecordDenylisted', at: at('23:40:00'), name: 'bro_7a3e5c19_4', denylisted: true },
  { type: 'LoseBro', at: at('26:58:12'), peer: MANAGER, reason: 'connection closed by the peer' },
  connect('27:12:03', MANAGER, SECOND),
  subscribe('27:12:03', MANAGER, SECOND, 5, processes, { to: 'all' }),
  {
    type: 'Join',
    at: at('27:12:04'),
    cause: { peer: MANAGER, requestId: 6 },
    peer: MANAGER,
    group: 'geo/de/hamburg',
  },
  subscribe('27:12:04', MANAGER, SECOND, 7, users, { to: 'group', group: 'geo/de' }),
  { type: 'CompleteResync', at: at('27:12:33'), peer: MANAGER },
  { type: 'RecordScheduleApplied', at: at('27:12:33'), hash: '81c2d4e5f6a7b8c9', entries: 3 },
  {
    type: 'Leave',
    at: at('29:30:00'),
    cause: { peer: MANAGER, requestId: 8 },
    peer: MANAGER,
    group: 'geo/de/hamburg',
  },
  { type: 'RecordDrop', at: at('29:45:00'), peer: LAB, rows: 12, reason: 'the journal is full' },
];
