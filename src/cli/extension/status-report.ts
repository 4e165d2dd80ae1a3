import type { Account } from '../../delivery/accounting.ts';
import type { PeerStatus } from './peer-status.ts';

/** How a running extension is doing, as `bro-osquery status` and the metrics tell it. Plain data. */
export interface StatusReport {
  readonly version: string;
  readonly pid: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly osquery: {
    /** The state of the link, from the outside in: `registered.inStep`. */
    readonly state: string;
    readonly uuid: string;
    /** Why there is no registration; empty if there is one. */
    readonly reason: string;
  };
  readonly bros: readonly (PeerStatus & {
    readonly transport: string;
    /** Since when it is in that state, or away; ms since the epoch, null if it was never seen. */
    readonly since: number | null;
    readonly subscriptions: number;
  })[];
  readonly delivery: readonly Account[];
  readonly journal: { readonly bytes: number; readonly maxBytes: number };
  readonly eventLog: {
    readonly records: number;
    /** Why it takes nothing; empty if it does. */
    readonly trouble: string;
  };
  /** Calls of osquery's logger since the start, their bytes, and those whose rows were lost. */
  readonly logger: { readonly calls: number; readonly bytes: number; readonly lost: number };
}
