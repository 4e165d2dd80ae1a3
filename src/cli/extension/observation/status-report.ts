import { z } from 'zod';
import { localSocket } from '../../../text/local-socket.ts';

/**
 * How a running extension is doing, as `bro-osquery status` and the metrics tell it: plain data, one JSON object
 * over the socket in the state directory. Times are milliseconds since the epoch; rows are counted since the start
 * of the process.
 */

const count = z.int().nonnegative();
const time = z.number();

const bro = z.object({
  /** As configured. */
  peer: z.string(),
  /** The state of its link, from the outside in: `linked.peered`. */
  state: z.string(),
  incarnation: z.string(),
  /** Failures since the last healthy connection. */
  failures: count,
  /** Why the last connection ended; empty if none has. */
  lastError: z.string(),
  /** What is wrong with the stream that keeps rows on their way to it; empty: nothing, or there is none. */
  streamTrouble: z.string(),
  /** Empty while it is away. */
  transport: z.string(),
  /** Since when it is there, or away; null if it was never seen. */
  since: time.nullable(),
  /** When the next attempt is due; null where none waits. */
  retryAt: time.nullable(),
  subscriptions: count,
  groups: z.array(z.string()),
  /** Rows sent and not confirmed. */
  inFlight: count,
  /** When the oldest row came that it has not confirmed; null if there is none. */
  oldestAt: time.nullable(),
  /** What it is still to be told is lost, in words; empty: nothing. */
  unreportedGap: z.string(),
});

const counts = z.object({
  peer: z.string(),
  /** Empty: the queries that have ended. */
  name: z.string(),
  taken: count,
  refused: count,
  sent: count,
  resent: count,
  confirmed: count,
  dropped: count,
  skipped: z.record(z.string(), count),
  pending: z.int(),
});

export const statusReport = z.object({
  version: z.string(),
  pid: count,
  startedAt: time,
  at: time,
  /** Its id; empty until osquery has described it. */
  host: z.string(),
  osquery: z.object({
    /** The state of the link, from the outside in: `registered.inStep`. */
    state: z.string(),
    /** When osqueryd was last found or lost; null if neither. */
    since: time.nullable(),
    uuid: z.string(),
    /** Why there is no registration; empty if there is one. */
    reason: z.string(),
  }),
  bros: z.array(bro),
  /** What osquery runs for Bros; SQL is cut off after {@link SQL_CLIP} characters. */
  subscriptions: z.array(
    z.object({
      name: z.string(),
      peer: z.string(),
      sql: z.string(),
      interval: z.number(),
      /** When osquery last ran it, as far as was seen; null: no run was seen. */
      lastRun: time.nullable(),
      /** Why it does not run as it was asked for; empty: it does. */
      trouble: z.string(),
    }),
  ),
  /** The last errors and warnings that Zeeks were told since the start, the newest first. */
  told: z.array(
    z.object({
      at: time,
      peer: z.string(),
      level: z.enum(['warning', 'error']),
      text: z.string(),
      /** Of the query that it is about; empty: of none. */
      sql: z.string(),
    }),
  ),
  /** One-time queries that wait for their rows. */
  executions: count,
  delivery: z.array(counts),
  journal: z.object({ bytes: count, maxBytes: count, segments: count }),
  eventLog: z.object({
    records: count,
    /** Why it takes nothing; empty if it does. */
    trouble: z.string(),
  }),
  /** Calls of osquery's logger that carried results. */
  logger: z.object({
    /** What osqueryd called itself when it chose us; empty: not since our start. */
    attachedBy: z.string(),
    calls: count,
    bytes: count,
    /** Those whose rows were lost. */
    lost: count,
    /** Rows that were taken from osqueryd's own log, since nobody answered when it called. */
    recovered: count,
    /** Why the last one's were; empty if they weren't. */
    refusal: z.string(),
    /** Until they were answered: all together, and the longest. */
    seconds: z.number(),
    longest: z.number(),
  }),
});

export type StatusReport = z.infer<typeof statusReport>;
export type BroStatus = StatusReport['bros'][number];

export const SQL_CLIP = 200;

/** The socket on which an extension reports, in its state directory. */
export const statusSocket = (stateDirectory: string): string =>
  localSocket(stateDirectory, 'status', process.platform);
