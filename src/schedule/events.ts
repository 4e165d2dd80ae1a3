import { z } from 'zod';
import {
  type Audience,
  COLUMN_TYPES,
  type Column,
  type Query,
  type RepeatedQuery,
  SCALAR_TYPES,
  UPDATE_TYPES,
  VOCABULARY_IDS,
} from '../vocabulary/model.ts';
import { translation } from './translation.ts';

/**
 * The facts that the schedule is made of. A fact is past tense, is only ever added, and says everything that is
 * needed to fold it; what isn't here didn't happen. This table is the one place that says what each looks like:
 * types, the log's checks and the replay all follow it.
 */

const text = z.string();
const count = z.number().int().nonnegative();
const name = z.string().min(1);

const audience = z.discriminatedUnion('to', [
  z.object({ to: z.literal('all') }),
  z.object({ to: z.literal('host') }),
  z.object({ to: z.literal('group'), group: text }),
]) satisfies z.ZodType<Audience>;

const scalar = z.enum(SCALAR_TYPES);

const column = z.object({
  name: text,
  type: z.enum(COLUMN_TYPES),
  zeek: z
    .union([scalar, z.object({ set: scalar }), z.object({ record: z.array(scalar).readonly() })])
    .optional(),
  emptyIsUnset: z.boolean().optional(),
}) satisfies z.ZodType<Column>;

const query = z.object({
  vocabulary: z.enum(VOCABULARY_IDS),
  event: text,
  sql: text,
  cookie: text,
  responseTopic: text,
  updateType: z.enum(UPDATE_TYPES),
  initialRows: z.boolean(),
  queryId: text,
  zeekInstance: text,
}) satisfies z.ZodType<Query>;

const repeatedQuery = query.extend({ interval: z.number().positive() }) satisfies z.ZodType<RepeatedQuery>;

const columns = z.array(column).readonly();
const names = z.array(text).readonly();

/** How a Bro that connects relates to its former connection. */
const standing = z.enum([
  /** Never seen, or forgotten. */
  'new',
  /** The same Zeek process: it still has its requests. */
  'reconnected',
  /** Another Zeek process at the same address: it has lost its state. */
  'restarted',
]);

/** Why a subscription ended. */
const ending = z.enum([
  /** The Bro unsubscribed. */
  'asked',
  /** The Bro has lost its state and asked again: the next generation has begun. */
  'new-generation',
  /** The Bro asked again, and the query's columns, or what runs in its place, are no longer those of then. */
  'columns-changed',
  /** The Bro came back and did not ask for it again within the resync window. */
  'not-repeated',
  /** The host left the group that it came through. */
  'group-left',
  /** The Bro listed all queries that it desires, and it is not among them. */
  'not-desired',
  /** The Zeek instance behind the Bro shut down, or stopped responding. */
  'zeek-departed',
  /** The Bro was away for longer than its subscriptions are kept. */
  'expired',
  /** The Bro was taken out of the configuration. */
  'bro-removed',
]);

/** Why a query that was left out of osquery's schedule is in it again. */
const resuming = z.enum([
  /** It is tried again after a day. */
  'time-over',
  /** The search for what ends osqueryd has it run. */
  'search',
  /** osqueryd dies without it too. */
  'not-it',
]);

/** Why a one-time query was given up. */
const cancelling = z.enum(['asked', 'zeek-departed', 'expired', 'bro-removed', 'unanswered']);

/** Schemas of each fact's data, by type. */
export const EVENT_SCHEMAS = {
  /** The first fact of each log, and again after a repair: names made from now on carry this id. */
  LogStarted: z.object({ logId: z.string().regex(/^[A-Za-z0-9-]{8,64}$/), reason: text }),
  ExtensionStarted: z.object({ instanceId: text, version: text }),
  ExtensionStopped: z.object({ reason: text }),

  BrosConfigured: z.object({ peers: names }),
  BroConnected: z.object({ peer: text, incarnation: text, transport: text, standing }),
  BroLost: z.object({ peer: text, reason: text }),
  ResyncCompleted: z.object({ peer: text, kept: count, ended: count }),
  BroExpired: z.object({ peer: text }),
  BroRemoved: z.object({ peer: text }),
  ZeekGreeted: z.object({ peer: text, zeekInstance: text }),
  ZeekDeparted: z.object({ peer: text, zeekInstance: text, reason: text }),

  QuerySubscribed: z.object({
    name,
    peer: text,
    incarnation: text,
    generation: count,
    query: repeatedQuery,
    columns,
    tables: names,
    audience,
    translation: translation.optional(),
    /** False: it is not known whether the Bro, which has reconnected, still wants it. */
    confirmed: z.boolean().optional(),
  }),
  /** The Bro asked again for what it has: after a reconnect, or by another way than before. */
  QueryConfirmed: z.object({ name, peer: text, audience }),
  QueryUnsubscribed: z.object({ name, peer: text, reason: ending }),
  /** A request was not granted; `query` is null where it was about none. */
  QueryRefused: z.object({
    peer: text,
    request: z.enum(['subscribe', 'execute', 'join', 'leave']),
    code: text,
    text,
    query: z.union([repeatedQuery, query]).nullable(),
  }),
  /** osquery's watchdog has stopped a query for taking too much, or lets it run again. */
  QueryDenylisted: z.object({ name, peer: text }),
  QueryReleased: z.object({ name, peer: text }),

  /** A scheduled run has failed; reported at the first failure, and when osquery gives another reason. */
  QueryFailing: z.object({ name, peer: text, text }),
  /** It has run without failing. */
  QueryRecovered: z.object({ name, peer: text }),

  /** Another osqueryd than the last one has us registered. */
  OsquerydStarted: z.object({ pid: count, startedAt: count, boot: text, version: text }),
  /** It requested our shutdown, because it is shutting down itself. */
  OsquerydStopping: z.object({}),
  /**
   * osqueryd ended while it ran queries of ours, and not because it was told to. `suspects` are the names of those
   * that stood there, `reason` what its own log says.
   */
  OsquerydDied: z.object({ suspects: names, blame: z.enum(['query', 'logger', 'unknown']), reason: text }),
  /** A query is left out of osquery's schedule, at the latest until then (milliseconds since the epoch). */
  QuerySuspended: z.object({
    name,
    peer: text,
    reason: z.enum(['osqueryd-died', 'search']),
    until: z.number(),
  }),
  QueryResumed: z.object({ name, peer: text, reason: resuming }),
  /** One of these ends osqueryd, and it is not known which: `running` of them run until then, the others do not. */
  SuspectsHalved: z.object({ suspects: names, running: names, until: z.number() }),
  SearchEnded: z.object({
    outcome: z.enum([
      /** osqueryd died while no other suspect ran. */
      'convicted',
      /** All have run, and osqueryd lives. */
      'cleared',
      /** osqueryd dies without any of them. */
      'not-ours',
    ]),
    /** The query that was convicted, or acquitted; else empty. */
    name: text,
    until: z.number(),
  }),

  QueryExecuted: z.object({
    name,
    peer: text,
    incarnation: text,
    query,
    columns,
    tables: names,
    audience,
    translation: translation.optional(),
  }),
  /** Its rows are in the journal, or `error` says why there are none (else empty). */
  ExecutionCompleted: z.object({ name, peer: text, rows: count, error: text }),
  ExecutionCancelled: z.object({ name, peer: text, reason: cancelling }),

  GroupsConfigured: z.object({ groups: names }),
  GroupJoined: z.object({ peer: text, group: text }),
  /** The Bro asked again, after a reconnect, for a membership that it has. */
  GroupConfirmed: z.object({ peer: text, group: text }),
  GroupLeft: z.object({
    peer: text,
    group: text,
    reason: z.enum(['asked', 'not-repeated', 'expired', 'bro-removed']),
  }),

  ScheduleApplied: z.object({ hash: text, entries: count }),
  ScheduleRefused: z.object({ hash: text, reason: text }),
  /** Rows that a Bro will never get; 0 where there may be some, in an unknown number. */
  RowsDropped: z.object({ peer: text, rows: count, reason: text }),
} as const;

export type EventType = keyof typeof EVENT_SCHEMAS;

/** What a fact of that type says. */
export type EventData<T extends EventType> = z.infer<(typeof EVENT_SCHEMAS)[T]>;

/** Whose request brought a fact about: `requestId` counts that Bro's requests since our start. */
export interface Cause {
  readonly peer: string;
  readonly requestId: number;
}

/** A fact: `at` in milliseconds since the epoch, `cause` null where no Bro asked for it. */
export type EventOf<T extends EventType> = {
  readonly type: T;
  readonly at: number;
  readonly cause: Cause | null;
  readonly data: EventData<T>;
};

export type ScheduleEvent = { [T in EventType]: EventOf<T> }[EventType];

export type Standing = z.infer<typeof standing>;
export type Ending = z.infer<typeof ending>;
export type Resuming = z.infer<typeof resuming>;
export type Cancelling = z.infer<typeof cancelling>;

/** Whether this version of the program knows events of that type. */
export function isEventType(type: string): type is EventType {
  return Object.hasOwn(EVENT_SCHEMAS, type);
}
