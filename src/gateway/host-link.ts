import type { RelaySession } from '../broker/relay-session.ts';
import type { SkimmedEvent } from '../broker/skimmed-message.ts';
import type { VocabularyId } from '../vocabulary/model.ts';
import type { Identity } from './guard.ts';
import type { HostPosition } from './outflow.ts';
import type { Pace } from './pace.ts';

/** Why nothing is read from a host at the moment. */
export type HoldReason = 'zeek' | 'limit' | 'unasked' | 'answers';

/** What a host sent that waits until it is known whether the Zeek has asked for it. */
export type Held =
  | { readonly kind: 'events'; readonly topic: string; readonly events: readonly SkimmedEvent[] }
  | { readonly kind: 'ping'; readonly pong: Uint8Array };

/** One life of a host's connection, whatever it is over. */
export type HostSession = Pick<
  RelaySession,
  'heardAt' | 'write' | 'ping' | 'subscribe' | 'pause' | 'resume' | 'close'
>;

/** A host's connection to a gateway. */
export interface HostLink extends Identity {
  /** Shared by all connections of the host. */
  readonly position: HostPosition;
  readonly session: HostSession;
  readonly remoteAddress: string;
  readonly isAuthenticated: boolean;
  /** Topic prefixes that it listens on, those that it may not left out. */
  filter: readonly string[];
  /** Vocabularies in which it has announced itself and not taken leave. */
  readonly announced: Set<VocabularyId>;
  readonly holds: Set<HoldReason>;
  readonly held: Held[];
  readonly connectedAt: number;
  /** When the Zeek first asked it, or a group of it, or all, for something; undefined: it has not. */
  askedAt: number | undefined;
  /** Bytes written since its socket was full. */
  backlog: number;
  rows: number;
  readonly rowPace: Pace;
  readonly bytePace: Pace;
  readonly requestPace: Pace;
  /** Names of events that were refused and told of. */
  readonly told: Set<string>;
}

/** Stops reading from the host for this reason, or goes on where it was the last one. */
export function hold(host: HostLink, reason: HoldReason, isHeld: boolean): void {
  const before = host.holds.size;
  if (isHeld) host.holds.add(reason);
  else host.holds.delete(reason);
  if (before === 0 && host.holds.size > 0) host.session.pause();
  if (before > 0 && host.holds.size === 0) host.session.resume();
}
