import type { Fleet } from '../../simulation/fleet.ts';
import type { Tally } from '../../simulation/tally.ts';

/** What a simulation comes to, as it is printed. */
export interface SimulationReport {
  readonly hosts: {
    readonly asked: number;
    /** At the end. */
    readonly up: number;
    readonly up_most: number;
    /** Up at least once. */
    readonly reached: number;
    readonly reconnects: number;
  };
  readonly rows: {
    readonly created: number;
    readonly sent: number;
    readonly resent: number;
    readonly confirmed: number;
    /** Not confirmed in the end: lost, or under way for too long. */
    readonly unconfirmed: number;
    /** The other side had not subscribed to their topic. */
    readonly left_out: number;
    /** Confirmed, on average over the time in which they were made. */
    readonly per_second: number;
  };
  readonly lag_ms: { readonly p50: number; readonly p99: number; readonly max: number } | null;
  readonly requests: number;
  /** Ends of connections by their code. */
  readonly closed: Readonly<Record<string, number>>;
  readonly problems: { readonly count: number; readonly samples: readonly string[] };
  readonly seconds: number;
  readonly memory_bytes: number;
}

/** A simulation under way. */
export interface Progress {
  readonly tally: Tally;
  readonly fleet: Pick<Fleet, 'pending'>;
  readonly run: { readonly hosts: number };
  readonly seconds: number;
}

/** @param madeFor seconds in which rows were made */
export function reportOf(
  { tally, fleet, run, seconds }: Progress,
  madeFor: number,
  memory: number,
): SimulationReport {
  const { lag } = tally;
  const milliseconds = (share: number) => rounded(lag.percentile(share) ?? 0);
  return {
    hosts: {
      asked: run.hosts,
      up: tally.up,
      up_most: tally.upMost,
      reached: tally.reached,
      reconnects: tally.reconnects,
    },
    rows: {
      created: tally.created,
      sent: tally.sent,
      resent: tally.resent,
      confirmed: tally.confirmed,
      unconfirmed: fleet.pending,
      left_out: tally.leftOut,
      per_second: rounded(tally.confirmed / Math.max(0.001, madeFor)),
    },
    lag_ms: lag.count === 0 ? null : { p50: milliseconds(0.5), p99: milliseconds(0.99), max: lag.longest },
    requests: tally.requests,
    closed: Object.fromEntries(tally.closed),
    problems: { count: tally.problems, samples: [...tally.problemSamples.values()] },
    seconds: rounded(seconds),
    memory_bytes: memory,
  };
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
