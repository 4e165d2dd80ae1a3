import { LONGEST_INTERVAL } from '../vocabulary/intervals.ts';
import type { Query } from '../vocabulary/model.ts';
import { MAX_QUOTE } from './clipping.ts';
import { REQUEST_WINDOW } from './evolve.ts';
import type { Policy } from './policy.ts';
import type { Bro, ScheduleState } from './schedule.ts';

/** Why a request is not granted. Codes are stable; texts are for the author of the Zeek script. */
export interface Refusal {
  readonly code: RefusalCode | (string & {});
  readonly text: string;
}

/** The refusals of the schedule itself; callers bring codes of their own (osquery's, the log's). */
export type RefusalCode =
  | 'not-connected'
  | 'too-many-requests'
  | 'too-many-subscriptions'
  | 'too-many-executions'
  | 'too-many-groups'
  | 'interval-too-short'
  | 'interval-too-long'
  | 'words-too-long'
  | 'sql-too-long'
  | 'sql-not-text'
  | 'table-not-allowed'
  | 'columns-same-name'
  | 'column-name'
  | 'constant-overflows'
  | 'schedule-full'
  | 'bad-group'
  | 'group-configured'
  | 'log-not-started';

/**
 * Whether this Bro may ask for anything new now. Worth looking at before a costly step on the Bro's behalf,
 * such as asking osquery for the columns of a query.
 */
export function requestRefusal(bro: Bro, at: number, policy: Policy): Refusal | null {
  if (requestsAt(bro, at) < policy.requestsPerMinute) return null;
  return {
    code: 'too-many-requests',
    text: `more than ${policy.requestsPerMinute} new requests in a minute; try again later`,
  };
}

/**
 * Whether a refusal of this Bro still goes into the log: the first over its requests a minute does, those after
 * it are only told to the Bro, or a Bro could fill the disk with them.
 */
export function isRefusalLogged(bro: Bro | undefined, at: number, policy: Policy): boolean {
  return bro !== undefined && requestsAt(bro, at) <= policy.requestsPerMinute;
}

function requestsAt(bro: Bro, at: number): number {
  const { since, count } = bro.requests;
  return at < since || at - since >= REQUEST_WINDOW ? 0 : count;
}

/** What is wrong with the text of a query, before anybody has looked into it. */
export function sqlRefusal(sql: string, policy: Policy): Refusal | null {
  if (sql.length > policy.maxSqlLength) {
    return {
      code: 'sql-too-long',
      text: `the SQL has ${sql.length} characters, the limit is ${policy.maxSqlLength}`,
    };
  }
  // osquery's JSON reader takes neither, and an update of its config that it can't read empties our schedule.
  if (!sql.isWellFormed() || sql.includes('\0')) {
    return { code: 'sql-not-text', text: 'the SQL is not valid UTF-8' };
  }
  return null;
}

/** What a Bro says around its SQL is kept as long as the query runs, and has its bounds too. */
export function wordsRefusal(query: Query): Refusal | null {
  const { event, cookie, responseTopic, queryId, zeekInstance } = query;
  const long = Object.entries({ event, cookie, responseTopic, queryId, zeekInstance }).find(
    ([, word]) => word.length > MAX_QUOTE,
  );
  if (!long) return null;
  return {
    code: 'words-too-long',
    text: `the request's ${long[0]} is ${long[1].length} characters long, the limit is ${MAX_QUOTE}`,
  };
}

/** What is wrong with an interval, in seconds. */
export function intervalRefusal(interval: number, policy: Policy): Refusal | null {
  if (interval < policy.shortestInterval) {
    return {
      code: 'interval-too-short',
      text: `an interval of ${interval} s is too short, the shortest is ${policy.shortestInterval} s`,
    };
  }
  if (interval > LONGEST_INTERVAL) {
    return {
      code: 'interval-too-long',
      text: `an interval of ${interval} s is too long, the longest is ${LONGEST_INTERVAL} s`,
    };
  }
  return null;
}

/** Whether the SQL reads only what it may. SQLite's table names have no case. */
export function tableRefusal(tables: readonly string[], policy: Policy): Refusal | null {
  const denied = new Set(policy.deniedTables.map((table) => table.toLowerCase()));
  const allowed = policy.allowedTables && new Set(policy.allowedTables.map((table) => table.toLowerCase()));
  const wrong = tables.find(
    (table) => denied.has(table.toLowerCase()) || (allowed && !allowed.has(table.toLowerCase())),
  );
  if (wrong === undefined) return null;
  return { code: 'table-not-allowed', text: `this host does not allow queries to read table '${wrong}'` };
}

/** Whether one more entry of so many bytes fits into osquery's config. */
export function spaceRefusal(state: ScheduleState, bytes: number, policy: Policy): Refusal | null {
  const total = state.scheduleBytes + bytes;
  if (total <= policy.maxScheduleBytes) return null;
  return {
    code: 'schedule-full',
    text: `the schedule would be ${total} bytes long, the limit of this host is ${policy.maxScheduleBytes}`,
  };
}
