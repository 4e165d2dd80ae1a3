import {
  type Clock,
  type Closed,
  type Connection,
  ConnectionError,
  type ConnectionHandlers,
  type ConnectionPhase,
  DEFAULT_TIMINGS,
  type HandlersFor,
  type OnLeftOut,
  type Remote,
  type Timings,
} from './connection.ts';
import { Deadline } from './deadline.ts';
import { systemClock } from './system-clock.ts';
import type { ZeekEvent } from './zeek-event.ts';

/** What a connection rests on at the moment: a socket that is being opened, a session in its handshake, a peering. */
export interface Carrier {
  /**
   * The connection has ended: closes what is below, `now` or once what was written has gone out, and rejects all that
   * waits with the error. Called once.
   */
  end(error: ConnectionError, how: 'now' | 'flushed'): void;
  /** We want other topic prefixes than `before`. */
  subscribe?(filter: readonly string[], before: readonly string[]): void;
  /** Sends a goodbye to the peer; absent before there is a peer. */
  goodbye?(): void;
}

/** What events go through while a connection is up. */
export type Channel = Pick<Connection, 'send' | 'confirm'>;

/**
 * Where a connection stands. It goes down this list and never back; on its way up it leaves some phases out, and a
 * second attempt (without certificates) takes it through some of them again.
 */
export type LifecyclePhase =
  | { readonly at: 'created' | ConnectionPhase; readonly carrier?: Carrier }
  | { readonly at: 'up' | 'peer-leaving'; readonly carrier: Carrier; readonly channel: Channel }
  | { readonly at: 'leaving'; readonly carrier: Carrier; readonly channel?: Channel }
  | { readonly at: 'closed'; readonly closed: Closed };

export interface LifecycleOptions {
  /** How the other side is named in messages. */
  readonly peerName: string;
  /** Topic prefixes that we want. */
  readonly filter: readonly string[];
  readonly timings?: Partial<Timings> | undefined;
  readonly clock?: Clock | undefined;
  /** Called before the owner is told. */
  readonly onUp?: ((remote: Remote) => void) | undefined;
  readonly onClosed?: ((closed: Closed) => void) | undefined;
}

/**
 * The lifecycle of one connection, whatever its transport: how it comes up, leaves and ends. The transport advances it;
 * its owner sees it as a {@link Connection}.
 */
export class ConnectionLifecycle implements Connection {
  readonly peerName: string;
  readonly timings: Timings;
  readonly clock: Clock;
  readonly handlers: Pick<ConnectionHandlers, 'onEvent' | 'onFilter' | 'onSuspect' | 'onStream'>;
  readonly #options: LifecycleOptions;
  readonly #owner: ConnectionHandlers;
  readonly #deadline: Deadline;
  readonly #finished = Promise.withResolvers<void>();
  #filter: readonly string[];
  #phase: LifecyclePhase = { at: 'created' };

  constructor(options: LifecycleOptions, handlers: HandlersFor) {
    this.#options = options;
    this.peerName = options.peerName;
    this.timings = { ...DEFAULT_TIMINGS, ...options.timings };
    this.clock = options.clock ?? systemClock;
    this.#deadline = new Deadline(this.clock);
    this.#filter = options.filter;
    this.#owner = typeof handlers === 'function' ? handlers(this) : handlers;
    this.handlers = this.#owner;
  }

  get at(): LifecyclePhase['at'] {
    return this.#phase.at;
  }

  /** Topic prefixes that we want now. */
  get filter(): readonly string[] {
    return this.#filter;
  }

  get isClosed(): boolean {
    return this.#phase.at === 'closed';
  }

  /** Whether it may still come up. */
  get isPending(): boolean {
    return isPending(this.#phase);
  }

  /** The connection is one step further on its way up. */
  enterPhase(to: ConnectionPhase): void {
    if (!isPending(this.#phase)) return;
    this.#phase = { ...this.#phase, at: to };
    this.#owner.onPhase(to);
  }

  /** Sets what the connection rests on from now on; a connection that has closed ends it at once. */
  setCarrier(carrier: Carrier): void {
    if (this.#phase.at === 'closed') carrier.end(errorOf(this.#phase.closed), 'now');
    else this.#phase = { ...this.#phase, carrier };
  }

  /** Sets the deadline of the next step, in place of the previous one. */
  setDeadline(milliseconds: number, onMissed: () => void): void {
    if (!this.isClosed) this.#deadline.set(milliseconds, onMissed);
  }

  /** The connection is up: events go through the channel. Changes nothing if it is leaving or has closed. */
  up(carrier: Carrier, channel: Channel, remote: Remote): void {
    if (!isPending(this.#phase)) return;
    this.#deadline.clear();
    this.#phase = { at: 'up', carrier, channel };
    this.#options.onUp?.(remote);
    this.#owner.onUp(remote);
  }

  /** The peer has sent a goodbye: it is to close the connection before `onMissed` is called. */
  peerLeaves(onMissed: () => void): void {
    if (this.#phase.at !== 'up') return;
    this.#phase = { ...this.#phase, at: 'peer-leaving' };
    this.setDeadline(this.timings.leave, onMissed);
  }

  /** Something was wrong that the connection survives. */
  problem(problem: string): void {
    if (!this.isClosed) this.#owner.onProblem(`${this.peerName}: ${problem}`);
  }

  /** A notice on how the connection was secured. */
  notice(notice: string): void {
    if (!this.isClosed) this.#owner.onProblem(notice);
  }

  /** Closes the connection for this reason, which its owner is told. Later calls change nothing. */
  close(code: Closed['code'], message: string, refused = false, how: 'now' | 'flushed' = 'now'): void {
    const phase = this.#phase;
    if (phase.at === 'closed') return;
    const closed = { code, message, refused };
    this.#phase = { at: 'closed', closed };
    this.#deadline.clear();
    phase.carrier?.end(errorOf(closed), how);
    this.#options.onClosed?.(closed);
    this.#owner.onClosed(closed);
    this.#finished.resolve();
  }

  send(topic: string, events: readonly ZeekEvent[], onLeftOut?: OnLeftOut): Promise<void> {
    const phase = this.#phase;
    if (phase.at === 'up' || phase.at === 'peer-leaving') return phase.channel.send(topic, events, onLeftOut);
    return this.#notUp();
  }

  confirm(): Promise<void> {
    const phase = this.#phase;
    return ('channel' in phase && phase.channel?.confirm()) || this.#notUp();
  }

  subscribe(filter: readonly string[]): void {
    const before = this.#filter;
    this.#filter = filter;
    if (this.#phase.at !== 'closed') this.#phase.carrier?.subscribe?.(filter, before);
  }

  leave(): Promise<void> {
    const phase = this.#phase;
    if (phase.at === 'closed' || phase.at === 'leaving') return this.#finished.promise;
    const { carrier } = phase;
    if (!carrier?.goodbye) this.destroy();
    else {
      const { leave } = this.timings;
      this.#phase = { at: 'leaving', carrier, ...('channel' in phase && { channel: phase.channel }) };
      this.setDeadline(leave, () =>
        this.close('left', `disconnected from ${this.peerName}, which did not answer within ${leave} ms`),
      );
      carrier.goodbye();
    }
    return this.#finished.promise;
  }

  destroy(): void {
    const { at } = this.#phase;
    const isOpen = at === 'handshaking' || !isPending(this.#phase);
    this.close('left', `${isOpen ? 'closed the connection' : 'gave up connecting'} to ${this.peerName}`);
  }

  /** Rejects a call on a connection that is not up, with the reason why it has closed if it has. */
  #notUp(): Promise<never> {
    const phase = this.#phase;
    if (phase.at === 'closed') return Promise.reject(errorOf(phase.closed));
    const state = phase.at === 'leaving' ? 'is closing' : 'is not up yet';
    return Promise.reject(new ConnectionError('not-up', `the connection to ${this.peerName} ${state}`));
  }
}

function errorOf({ code, message }: Closed): ConnectionError {
  return new ConnectionError(code, message);
}

function isPending(
  phase: LifecyclePhase,
): phase is Extract<LifecyclePhase, { readonly at: 'created' | ConnectionPhase }> {
  return !['up', 'peer-leaving', 'leaving', 'closed'].includes(phase.at);
}
