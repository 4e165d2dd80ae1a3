import type { Audience, Host, Notice, Request } from '../src/vocabulary/model.ts';

/** The events between a Bro's peer and its connection, and the peer's delays. */

/** Milliseconds. */
export interface LinkTiming {
  /** First pause before a new attempt; doubles with each failure. */
  readonly backOffBase: number;
  readonly backOffMax: number;
  /** Pause after a refusal by the Bro or by the host's own policy: that will not change soon. */
  readonly refusedPause: number;
  /** A connection that was up this long was healthy: after its loss the next attempt is made at once. */
  readonly healthyAfter: number;
}

/** Milliseconds; as configured. */
export interface PeerTimeouts {
  /** How long after each connect a Bro has to repeat its requests. */
  readonly resyncWindow: number;
  /** How long the subscriptions of an absent Bro are kept. */
  readonly expiry: number;
}

/** Events of the connection for its peer. `closed` carries the random number for the jitter. */
export type ConnectionEvent =
  | {
      readonly type: 'connection.phase';
      readonly phase: 'resolving' | 'connecting' | 'securing' | 'handshaking';
    }
  | {
      readonly type: 'connection.up';
      readonly incarnation: string;
      readonly transport: string;
      readonly authenticated: boolean;
      /** How often the host says hello, ms; null where once is enough. */
      readonly helloInterval: number | null;
    }
  | { readonly type: 'connection.suspect'; readonly suspect: boolean }
  | { readonly type: 'connection.request'; readonly request: Request; readonly audience: Audience }
  | { readonly type: 'connection.problem'; readonly problem: string }
  /** The stream that keeps rows on their way; `trouble` is empty where nothing is wrong with it. */
  | { readonly type: 'connection.stream'; readonly trouble: string; readonly holdsRows: boolean }
  | {
      readonly type: 'connection.closed';
      readonly code: string;
      readonly reason: string;
      readonly refused: boolean;
      /** How long it had been up, ms; 0 if it never was. */
      readonly upFor: number;
      /** 0..1, drawn for the jitter of the next attempt. */
      readonly chance: number;
    };

/** What a peer tells its connection. */
export type ConnectionCommand =
  | { readonly type: 'host'; readonly host: Host }
  | { readonly type: 'tell'; readonly notice: Notice }
  /** The hello is due again. */
  | { readonly type: 'hello' }
  | { readonly type: 'leave' };

/**
 * The pause before the next attempt: exponential in the failures, with jitter so that the hosts of a fleet do not reconnect all at once.
 */
export function pauseAfter(
  event: Extract<ConnectionEvent, { type: 'connection.closed' }>,
  failures: number,
  timing: LinkTiming,
): number {
  if (event.code === 'filter-changed') return 0;
  if (event.refused) return Math.round(timing.refusedPause * (0.75 + event.chance / 2));
  if (failures === 0) return Math.round(timing.backOffBase * event.chance);
  const ceiling = Math.min(timing.backOffMax, timing.backOffBase * 2 ** (failures - 1));
  return Math.round(ceiling * (0.5 + event.chance / 2));
}
