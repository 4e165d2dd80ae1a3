import { decodeText } from '../text/byte-text.ts';
import { CodecError } from './codec-error.ts';
import {
  type Clock,
  type Closed,
  type Connection,
  ConnectionError,
  type ConnectionHandlers,
  type HandlersFor,
  notUp,
  type OnLeftOut,
  type Timings,
  type Transport,
} from './connection.ts';
import { Deadline } from './deadline.ts';
import { matchesFilter } from './handshake-messages.ts';
import { Outbound } from './outbound.ts';
import { SilenceWatch } from './silence-watch.ts';
import { closingOf } from './websocket-closing.ts';
import { WebSocketFrames } from './websocket-frames.ts';
import {
  decodeMessage,
  decodeSubscriptions,
  encodeAck,
  encodeError,
  encodeSubscriptions,
  incarnationOf,
  type WebSocketMessage,
} from './websocket-messages.ts';
import { heardIn, type WebSocketRole } from './websocket-role.ts';
import type { WebSocketWire } from './wire.ts';
import type { ZeekEvent } from './zeek-event.ts';

export interface WebSocketSessionOptions {
  readonly role: WebSocketRole;
  readonly filter: readonly string[];
  readonly transport: Transport;
  readonly authenticated: boolean;
  readonly timings: Timings;
  readonly clock: Clock;
  readonly peerName: string;
}

/** Messages that a client may send before its ack, as Zeek queues them. */
const MAX_EARLY = 1_000;

/** One connection of Zeek's WebSocket API, either side of it, above its WebSocket. */
export class WebSocketSession implements Connection {
  readonly #wire: WebSocketWire;
  readonly #options: WebSocketSessionOptions;
  readonly #handlers: ConnectionHandlers;
  readonly #deadline: Deadline;
  readonly #frames = new WebSocketFrames();
  readonly #finished = Promise.withResolvers<void>();
  #filter: readonly string[];
  /** Of a server's client. */
  #remoteFilter: readonly string[] | undefined;
  #outbound: Outbound | undefined;
  #watch: SilenceWatch | undefined;
  #leaving = false;
  #lastError = '';
  #early = 0;
  #closed: Closed | undefined;

  constructor(wire: WebSocketWire, options: WebSocketSessionOptions, handlers: HandlersFor) {
    this.#wire = wire;
    this.#deadline = new Deadline(options.clock);
    this.#options = options;
    this.#filter = options.filter;
    this.#handlers = typeof handlers === 'function' ? handlers(this) : handlers;
  }

  /** The WebSocket is open: subscribes, or waits for it, `timeout` milliseconds at most. */
  start(timeout: number): void {
    const { role, peerName } = this.#options;
    const missing = role.side === 'client' ? 'did not confirm the subscriptions' : 'did not subscribe';
    this.#deadline.set(timeout, () =>
      this.close('handshake-timeout', `${peerName} ${missing} within ${timeout} ms`),
    );
    this.#handlers.onPhase('handshaking');
    if (!this.#closed && role.side === 'client') this.#wire.send(bytes(encodeSubscriptions(this.#filter)));
  }

  /** A text frame came. */
  receive(frame: Uint8Array): void {
    if (this.#closed) return;
    this.#watch?.heard();
    const text = decodeText(frame);
    if (this.#options.role.side === 'server' && !this.#outbound) this.#receiveSubscriptions(text);
    else this.#receiveMessage(text);
  }

  /** A pong came. */
  pong(payload: Uint8Array): void {
    this.#watch?.heard();
    this.#outbound?.pong(payload);
  }

  /** A sign of life came. */
  heard(): void {
    this.#watch?.heard();
  }

  /** The WebSocket takes frames again. */
  drained(): void {
    if (this.#closed) return;
    this.#watch?.heard();
    this.#outbound?.drained();
  }

  /** The WebSocket has closed. */
  ended(code: number, reason: string): void {
    const { peerName } = this.#options;
    if (this.#leaving) this.close('left', `left ${peerName}`);
    else {
      const closed = closingOf(code, reason, peerName, this.#lastError);
      this.close(closed.code, closed.message, closed.refused);
    }
  }

  /** Ends the session for this reason, which its owner is told. Later calls change nothing. */
  close(
    code: Closed['code'],
    message: string,
    refused = false,
    end?: { code: number; reason: string },
  ): void {
    if (this.#closed) return;
    this.#closed = { code, message, refused };
    this.#deadline.clear();
    this.#watch?.stop();
    this.#outbound?.fail(new ConnectionError(code, message));
    if (end) this.#wire.close(end.code, end.reason);
    else this.#wire.destroy();
    this.#handlers.onClosed(this.#closed);
    this.#finished.resolve();
  }

  send(topic: string, events: readonly ZeekEvent[], onLeftOut?: OnLeftOut): Promise<void> {
    if (!this.#outbound || this.#leaving) return this.#notUp();
    return this.#outbound.send(topic, events, onLeftOut);
  }

  confirm(): Promise<void> {
    return this.#outbound?.confirm() ?? this.#notUp();
  }

  subscribe(filter: readonly string[]): void {
    const same =
      filter.length === this.#filter.length && filter.every((topic) => this.#filter.includes(topic));
    this.#filter = filter;
    if (same || this.#closed || this.#options.role.side === 'server') return;
    // The subscriptions of a WebSocket connection can't be changed.
    const message = `the subscriptions at ${this.#options.peerName} change with a new connection`;
    this.close('filter-changed', message, false, { code: 1000, reason: 'subscriptions change' });
  }

  leave(): Promise<void> {
    if (this.#closed || this.#leaving) return this.#finished.promise;
    this.#leaving = true;
    const { timings, peerName } = this.#options;
    this.#deadline.set(timings.leave, () =>
      this.close('left', `left ${peerName}, which gave no answer within ${timings.leave} ms`),
    );
    // A server that goes away says so, a client that is done says that.
    const code = this.#options.role.side === 'server' ? 1001 : 1000;
    this.#wire.close(code, 'done');
    return this.#finished.promise;
  }

  destroy(): void {
    this.close('left', `closed the connection to ${this.#options.peerName}`);
  }

  #receiveSubscriptions(text: string): void {
    const { role } = this.#options;
    if (role.side !== 'server') return;
    const subscriptions = this.#early === 0 ? decodeSubscriptions(text) : undefined;
    this.#early += 1;
    if (subscriptions === undefined) {
      // Zeek queues what comes before the ack, which after bad subscriptions never does.
      if (this.#early > MAX_EARLY) this.close('protocol', `${this.#options.peerName} never subscribed`);
    } else if ('problem' in subscriptions) {
      this.#wire.send(bytes(encodeError('deserialization_failed', subscriptions.problem)));
      this.#problem(subscriptions.problem);
    } else {
      this.#remoteFilter = subscriptions;
      this.#wire.send(bytes(encodeAck(role.clientId, role.version)));
      this.#up(role.clientId, '');
    }
  }

  #receiveMessage(text: string): void {
    let message: WebSocketMessage;
    try {
      message = decodeMessage(text);
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      this.#reply('failed to decode JSON object');
      this.#problem(`a message that can't be read: ${error.message} (${error.code})`);
      return;
    }
    switch (message.type) {
      case 'ack':
        if (!this.#outbound) this.#up(incarnationOf(message.endpoint), message.version);
        return;
      case 'error':
        this.#onError(message.code, message.context);
        return;
      case 'data-message':
        this.#onData(message);
        return;
      case 'other':
        this.#reply('failed to decode JSON object');
        this.#problem(`a message of unknown type ${JSON.stringify(message.name)}`);
        return;
      default:
        message satisfies never;
    }
  }

  #onData({ topic, data }: Extract<WebSocketMessage, { type: 'data-message' }>): void {
    for (const heard of heardIn(this.#options.role, this.#filter, topic, data)) {
      if (this.#closed) return;
      if ('event' in heard) this.#handlers.onEvent(topic, heard.event);
      else {
        if (heard.reply) this.#reply(heard.reply);
        this.#problem(heard.problem);
      }
    }
  }

  #onError(code: string, context: string): void {
    this.#lastError = `${context} (${code})`;
    const { peerName } = this.#options;
    if (this.#outbound) {
      const sent = this.#frames.describeRecent();
      this.#problem(`Zeek says ${code}: ${context}${sent ? `; sent last: ${sent}` : ''}`);
    } else if (code === 'invalid_application_name' || code === 'invalid_uri') {
      this.close('refused', `${peerName} refused this client: ${this.#lastError}`, true);
    } else {
      this.close('protocol', `${peerName} did not take the subscriptions: ${this.#lastError}`);
    }
  }

  #up(incarnation: string, version: string): void {
    // Who is leaving does not come up any more; the goodbye has its own deadline.
    if (this.#leaving) return;
    const { clock, timings, peerName, transport, authenticated } = this.#options;
    this.#deadline.clear();
    const outbound = new Outbound({
      frames: this.#frames,
      clock,
      peerName,
      wants: (topic) => this.#remoteFilter === undefined || matchesFilter(this.#remoteFilter, topic),
      write: (frame) => this.#wire.send(frame),
      writePing: (payload) => this.#wire.ping(payload),
      onProblem: (problem) => this.#problem(problem),
    });
    this.#outbound = outbound;
    this.#watch = new SilenceWatch(clock, timings, {
      onIdle: () => outbound.probe(),
      onSuspect: (suspect) => this.#handlers.onSuspect(suspect),
      onLost: (silence) => this.close('unresponsive', `${peerName} was silent for ${Math.round(silence)} ms`),
    });
    const filter = this.#remoteFilter;
    this.#handlers.onUp({ incarnation, filter, transport, authenticated, version, confirms: false });
  }

  /** A server tells its client what it could not do. */
  #reply(context: string): void {
    if (this.#options.role.side === 'server') {
      this.#outbound?.writeNow(bytes(encodeError('deserialization_failed', context)));
    }
  }

  #problem(problem: string): void {
    if (!this.#closed) this.#handlers.onProblem(`${this.#options.peerName}: ${problem}`);
  }

  #notUp(): Promise<never> {
    return notUp(this.#closed, this.#options.peerName, this.#leaving);
  }
}

function bytes(text: string): Uint8Array {
  return Buffer.from(text, 'utf8');
}
