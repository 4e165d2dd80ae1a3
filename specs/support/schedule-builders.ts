import type { OsquerydProcess, ProcessEnd } from '../../src/schedule/breaker.ts';
import type { CommandOf } from '../../src/schedule/commands.ts';
import type { EventData, EventOf, EventType } from '../../src/schedule/events.ts';
import type { Audience, Column, Query, QueryMatch, RepeatedQuery } from '../../src/vocabulary/model.ts';

/** Short ways to say what stories about the schedule are made of. Times are in seconds of a made-up day. */

export const DAY = Date.UTC(2026, 10, 24);

/** That many seconds into the day, as milliseconds since the epoch. */
export function second(seconds: number): number {
  return DAY + seconds * 1000;
}

export const ALL: Audience = { to: 'all' };
export const HOST: Audience = { to: 'host' };

export function group(name: string): Audience {
  return { to: 'group', group: name };
}

export const LOG_ID = '5eed1095-0000-4000-8000-000000000001';

/** The n-th name that the log of `LOG_ID` gives. */
export function bro(n: number): string {
  return `bro_5eed1095_${n}`;
}

export const PROCESS_COLUMNS: readonly Column[] = [
  { name: 'pid', type: 'BIGINT' },
  { name: 'name', type: 'TEXT' },
];

/** A repeated query in the words of zeek-osquery; what is given replaces the defaults. */
export function query(changes: Partial<RepeatedQuery> = {}): RepeatedQuery {
  return {
    vocabulary: 'zeek-osquery',
    event: 'process_state',
    sql: 'SELECT pid, name FROM processes',
    cookie: '',
    responseTopic: '/bro/osquery/host_reply',
    updateType: 'BOTH',
    initialRows: true,
    queryId: '',
    zeekInstance: '',
    interval: 10,
    ...changes,
  };
}

export function oneTimeQuery(changes: Partial<Query> = {}): Query {
  const { interval: _, ...rest } = query();
  return { ...rest, updateType: 'SNAPSHOT', ...changes };
}

/** A fact at that second, caused by no request. */
export function fact<T extends EventType>(seconds: number, type: T, data: EventData<T>): EventOf<T> {
  return { type, at: second(seconds), cause: null, data };
}

/** A fact at that second that the n-th request of a Bro has brought about. */
export function caused<T extends EventType>(
  seconds: number,
  peer: string,
  requestId: number,
  type: T,
  data: EventData<T>,
): EventOf<T> {
  return { type, at: second(seconds), cause: { peer, requestId }, data };
}

export function start(seconds: number): CommandOf<'StartExtension'> {
  return {
    type: 'StartExtension',
    at: second(seconds),
    logId: LOG_ID,
    renewNames: false,
    instanceId: 'instance-1',
    version: '0.1.0',
  };
}

export function connect(seconds: number, peer: string, incarnation: string): CommandOf<'ConnectBro'> {
  return { type: 'ConnectBro', at: second(seconds), peer, incarnation, transport: 'tcp' };
}

export function lose(seconds: number, peer: string): CommandOf<'LoseBro'> {
  return { type: 'LoseBro', at: second(seconds), peer, reason: 'connection closed' };
}

export function subscribe(
  seconds: number,
  peer: string,
  incarnation: string,
  changes: Partial<Omit<CommandOf<'Subscribe'>, 'type' | 'at' | 'peer' | 'incarnation'>> = {},
): CommandOf<'Subscribe'> {
  return {
    type: 'Subscribe',
    at: second(seconds),
    cause: { peer, requestId: seconds },
    peer,
    incarnation,
    audience: HOST,
    query: query(),
    columns: PROCESS_COLUMNS,
    tables: ['processes'],
    ...changes,
  };
}

export function unsubscribe(seconds: number, peer: string, match: QueryMatch): CommandOf<'Unsubscribe'> {
  return {
    type: 'Unsubscribe',
    at: second(seconds),
    cause: { peer, requestId: seconds },
    peer,
    vocabulary: 'zeek-osquery',
    match,
  };
}

export function execute(
  seconds: number,
  peer: string,
  incarnation: string,
  changes: Partial<Query> = {},
): CommandOf<'Execute'> {
  return {
    type: 'Execute',
    at: second(seconds),
    cause: { peer, requestId: seconds },
    peer,
    incarnation,
    audience: HOST,
    query: oneTimeQuery(changes),
    columns: PROCESS_COLUMNS,
    tables: ['processes'],
  };
}

export function join(seconds: number, peer: string, name: string): CommandOf<'Join'> {
  return { type: 'Join', at: second(seconds), cause: { peer, requestId: seconds }, peer, group: name };
}

export function leave(seconds: number, peer: string, name: string): CommandOf<'Leave'> {
  return { type: 'Leave', at: second(seconds), cause: { peer, requestId: seconds }, peer, group: name };
}

export const BOOT = 'c0ffee00-0000-4000-8000-000000000001';

/** The osqueryd with that pid, started at that second. */
export function osqueryd(pid: number, seconds: number): OsquerydProcess {
  return { pid, startedAt: second(seconds) / 1000, boot: BOOT, version: '5.23.1' };
}

/**
 * An osqueryd that is not the last one has us registered; the last one, with the pid before, ended so (by default it
 * vanished, and its log can't be read).
 */
export function recordOsqueryd(
  seconds: number,
  pid: number,
  {
    told = false,
    end,
    interrupted = '',
  }: { told?: boolean; end?: Omit<ProcessEnd, 'pid'>; interrupted?: string } = {},
): CommandOf<'RecordOsqueryd'> {
  return {
    type: 'RecordOsqueryd',
    at: second(seconds),
    osqueryd: osqueryd(pid, seconds),
    evidence: { told, ends: end ? [{ pid: pid - 1, ...end }] : [], interrupted },
  };
}

export function applied(seconds: number, entries: number): CommandOf<'RecordScheduleApplied'> {
  return { type: 'RecordScheduleApplied', at: second(seconds), hash: 'h', entries };
}

export function review(seconds: number): CommandOf<'ReviewSuspensions'> {
  return { type: 'ReviewSuspensions', at: second(seconds) };
}

export function completeResync(seconds: number, peer: string): CommandOf<'CompleteResync'> {
  return { type: 'CompleteResync', at: second(seconds), peer };
}
