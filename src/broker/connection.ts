import type { ZeekEvent } from './zeek-event.ts';

/**
 * The contract that every transport (native, WebSocket, NATS) gives to the rest of the program. A connection
 * is one life of one link: it comes up at most once and closes exactly once; whoever owns it makes a new one.
 */

export type ConnectionPhase = 'resolving' | 'connecting' | 'securing' | 'handshaking';

export type Transport = 'tcp' | 'tls' | 'tls-anonymous' | 'ws' | 'wss' | 'wss-anonymous' | 'nats';

/** Who is at the other end. */
export interface Remote {
  /** Changes whenever that Zeek starts anew: its Broker endpoint id as a UUID; over WebSocket the ack's. */
  readonly incarnation: string;
  /** Topic prefixes that the peer subscribed to; undefined where the transport can't tell. */
  readonly filter: readonly string[] | undefined;
  readonly transport: Transport;
  /** Whether the peer proved who it is (a certificate that a configured CA has signed). */
  readonly authenticated: boolean;
  /** The peer's version, empty if unknown. */
  readonly version: string;
  /** Whether {@link Connection.confirm} says that the peer has taken in what was sent before. */
  readonly confirms: boolean;
  /**
   * Rows go into a stream that keeps them, to be read later: they are confirmed with that, and the peer's scripts can't
   * be asked for them, since the question would come before the rows.
   */
  readonly keepsRows?: boolean;
}

/**
 * Why a connection ended; the codes are stable.
 * - before it was up: `resolve-failed`, `connect-failed`, `connect-timeout`, `handshake-timeout`,
 *   `tls-untrusted` (we or the peer don't accept a certificate), `tls-mismatch` (one side speaks TLS, the other
 *   doesn't, or another kind of it), `tls-settings` (our own files are unusable), `unauthenticated` (our policy
 *   wants a peer that proves who it is), `redundant`, `stale` (the peer holds an earlier connection of ours for
 *   alive that we know to be gone; a Broker may do so until it has something to send. Where it comes again, another
 *   endpoint id is the way in), `incompatible`, `refused`
 * - at any time: `reset`, `unresponsive`, `frame-too-large`, `protocol`, `overflow` (more was sent than the
 *   transport may hold; NATS: a stream is full, or this side read too slowly), `goodbye` (the peer left in good
 *   order), `left` (we did), `filter-changed` (the subscription changes with a new connection: connect again at once),
 *   `moved` (another gateway to the same Zeek serves us from now on: connect again)
 */
export type ClosedCode =
  | 'resolve-failed'
  | 'connect-failed'
  | 'connect-timeout'
  | 'handshake-timeout'
  | 'tls-untrusted'
  | 'tls-mismatch'
  | 'tls-settings'
  | 'unauthenticated'
  | 'redundant'
  | 'stale'
  | 'incompatible'
  | 'refused'
  | 'reset'
  | 'unresponsive'
  | 'frame-too-large'
  | 'protocol'
  | 'overflow'
  | 'goodbye'
  | 'left'
  | 'filter-changed'
  | 'moved';

export interface Closed {
  readonly code: ClosedCode;
  /** What happened, where, and what to do, for the log. */
  readonly message: string;
  /** The peer or our own policy refuses: try again slowly. */
  readonly refused: boolean;
}

/** How the stream that keeps rows on their way stands, where there is one. */
export interface StreamCondition {
  /** What is wrong with it and what to do; empty: nothing. */
  readonly trouble: string;
  /** Whether rows wait here for that reason. */
  readonly holdsRows: boolean;
}

/** What a connection tells its owner. Nothing is called after `onClosed`. */
export interface ConnectionHandlers {
  onPhase(phase: ConnectionPhase): void;
  onUp(remote: Remote): void;
  onEvent(topic: string, event: ZeekEvent): void;
  /** The peer changed its subscriptions. */
  onFilter(topics: readonly string[]): void;
  /** The peer has fallen silent, or speaks again. */
  onSuspect(suspect: boolean): void;
  /** Something was wrong that the connection survives: an error of Zeek's, a message that can't be read. */
  onProblem(problem: string): void;
  /** The stream that keeps rows is in another condition than before; nothing is wrong with it at first. */
  onStream?(condition: StreamCondition): void;
  /** Exactly once, last. */
  onClosed(closed: Closed): void;
}

/** The handlers of a connection, or who makes them for it. */
export type HandlersFor = ConnectionHandlers | ((connection: Connection) => ConnectionHandlers);

/**
 * Why an event did not get through: `unsendable` for one that the transport has no form for (too large, a value that it
 * can't say), `unheard` where the peer has subscribed to no prefix of its topic, `refused` by Zeek, which has no event of that
 * name with these parameters (only Zeek's WebSocket API tells).
 */
export type LeftOut = 'unsendable' | 'unheard' | 'refused';

/** Told of each event that did not get through, by its index in the call: before `send` resolves, `refused` before `confirm` does. */
export type OnLeftOut = (index: number, why: LeftOut) => void;

export interface Connection {
  /**
   * Sends events to one topic; several travel as one Broker batch where the transport has batches. Resolves
   * when the transport takes more: who waits for that holds no more in memory than one call's events. An event that
   * can't be sent, or that nobody listens to, is left out, and told as a problem. Rejects with a {@link ConnectionError} before
   * the connection is up and once it has closed.
   */
  send(topic: string, events: readonly ZeekEvent[], onLeftOut?: OnLeftOut): Promise<void>;
  /** Resolves when the peer has taken in all that was sent before, see {@link Remote.confirms}; rejects when closed. */
  confirm(): Promise<void>;
  /** Replaces the topic prefixes that we want. */
  subscribe(filter: readonly string[]): void;
  /** Says goodbye in good order; resolves when the connection has closed, within 3 s. */
  leave(): Promise<void>;
  /** Ends the connection now, as `left`. */
  destroy(): void;
}

/** Why a send or a confirmation failed: `not-up`, or the code with which the connection closed. */
export class ConnectionError extends Error {
  readonly code: ClosedCode | 'not-up';

  constructor(code: ClosedCode | 'not-up', message: string) {
    super(message);
    this.name = 'ConnectionError';
    this.code = code;
  }
}

/** The time, as a connection needs it. */
export interface Clock {
  /** Milliseconds since any moment, never backwards. */
  now(): number;
  setTimeout(callback: () => void, milliseconds: number): unknown;
  clearTimeout(timer: unknown): void;
}

/** Milliseconds; every wait of a connection ends. */
export interface Timings {
  /** From the start to an established TCP connection, name resolution included. */
  readonly connect: number;
  /** From there to the end of the handshake, TLS included. */
  readonly handshake: number;
  /** Silence after which the peer is pinged. */
  readonly idle: number;
  /** Silence after that ping until the peer counts as suspect. */
  readonly suspect: number;
  /** Further silence until it counts as lost. */
  readonly unresponsive: number;
  /** What an orderly goodbye may take. */
  readonly leave: number;
}

export const DEFAULT_TIMINGS: Timings = {
  connect: 10_000,
  handshake: 10_000,
  idle: 10_000,
  suspect: 5_000,
  unresponsive: 15_000,
  leave: 3_000,
};
