import { decodeText } from '../text/byte-text.ts';
import { CodecError } from './codec-error.ts';
import type { Transport } from './connection.ts';
import type { Carrier, ConnectionLifecycle } from './connection-lifecycle.ts';
import { matchesFilter } from './handshake-messages.ts';
import { Outbound } from './outbound.ts';
import { needsPacing, pacedChannel } from './paced-channel.ts';
import { SilenceWatch } from './silence-watch.ts';
import { closingOf } from './websocket-closing.ts';
import { ErrorReports } from './websocket-errors.ts';
import { hasFences, WebSocketFences } from './websocket-fences.ts';
import { WebSocketFrames } from './websocket-frames.ts';
import {
  decodeMessage,
  decodeSubscriptions,
  encodeAck,
  encodeError,
  encodeSubscriptions,
  FENCE_ERROR,
  incarnationOf,
  type WebSocketMessage,
} from './websocket-messages.ts';
import { heardIn, type WebSocketRole } from './websocket-role.ts';
import type { WebSocketWire } from './wire.ts';

export interface WebSocketSessionOptions {
  readonly role: WebSocketRole;
  readonly transport: Transport;
  readonly authenticated: boolean;
}

/** Messages that a client may send before its ack, as Zeek queues them. */
const MAX_EARLY = 1_000;

/**
 * One connection of Zeek's WebSocket API, either side of it, above its WebSocket. Whoever owns that feeds
 * {@link receive}, {@link pong}, {@link heard}, {@link drained} and {@link ended}.
 */
export class WebSocketSession {
  readonly lifecycle: ConnectionLifecycle;
  readonly #wire: WebSocketWire;
  readonly #options: WebSocketSessionOptions;
  readonly #carrier: Carrier;
  readonly #frames = new WebSocketFrames();
  /** Of a server's client. */
  #remoteFilter: readonly string[] | undefined;
  #outbound: Outbound | undefined;
  #watch: SilenceWatch | undefined;
  #fences: WebSocketFences | undefined;
  readonly #errors: ErrorReports;
  #lastError = '';
  #early = 0;

  constructor(wire: WebSocketWire, options: WebSocketSessionOptions, lifecycle: ConnectionLifecycle) {
    this.#wire = wire;
    this.#options = options;
    this.lifecycle = lifecycle;
    this.#errors = new ErrorReports(lifecycle);
    this.#carrier = this.#makeCarrier();
    lifecycle.setCarrier(this.#carrier);
  }

  /** The WebSocket is open: subscribes, or waits for it, `timeout` milliseconds at most. */
  start(timeout: number): void {
    const { lifecycle } = this;
    const { role } = this.#options;
    const missing = role.side === 'client' ? 'did not acknowledge the subscriptions' : 'did not subscribe';
    lifecycle.setDeadline(timeout, () =>
      lifecycle.close('handshake-timeout', `${lifecycle.peerName} ${missing} within ${timeout} ms`),
    );
    lifecycle.enterPhase('handshaking');
    if (!lifecycle.isClosed && role.side === 'client')
      this.#wire.send(bytes(encodeSubscriptions(lifecycle.filter)));
  }

  /** A text frame came. */
  receive(frame: Uint8Array): void {
    if (this.lifecycle.isClosed) return;
    this.#watch?.heard();
    const text = decodeText(frame);
    if (this.#options.role.side === 'server' && !this.#outbound) this.#receiveSubscriptions(text);
    else this.#receiveMessage(text);
  }

  /** A pong came. */
  pong(payload: Uint8Array): void {
    this.#watch?.heard();
    if (this.#fences) this.#fences.pong(payload);
    else this.#outbound?.pong(payload);
  }

  /** A sign of life came. */
  heard(): void {
    this.#watch?.heard();
  }

  /** The WebSocket takes frames again. */
  drained(): void {
    if (this.lifecycle.isClosed) return;
    this.#watch?.heard();
    this.#outbound?.drained();
  }

  /** The WebSocket has closed. */
  ended(code: number, reason: string): void {
    const { lifecycle } = this;
    if (lifecycle.at === 'leaving') lifecycle.close('left', `disconnected from ${lifecycle.peerName}`);
    else {
      const closed = closingOf(code, reason, lifecycle.peerName, this.#lastError);
      lifecycle.close(closed.code, closed.message, closed.refused);
    }
  }

  #makeCarrier(): Carrier {
    const isServer = this.#options.role.side === 'server';
    return {
      end: (error, how) => {
        this.#watch?.stop();
        this.#fences?.stop();
        this.#outbound?.fail(error);
        if (how === 'flushed') this.#wire.close(1000, 'subscriptions change');
        else this.#wire.destroy();
      },
      subscribe: (filter, before) => {
        const same = filter.length === before.length && filter.every((topic) => before.includes(topic));
        if (same || isServer) return;
        // The subscriptions of a WebSocket connection can't be changed.
        const message = `the subscriptions at ${this.lifecycle.peerName} changed: reconnecting`;
        this.lifecycle.close('filter-changed', message, false, 'flushed');
      },
      // A server that goes away says so, a client that is done says that.
      goodbye: () => this.#wire.close(isServer ? 1001 : 1000, 'done'),
    };
  }

  #receiveSubscriptions(text: string): void {
    const { role } = this.#options;
    if (role.side !== 'server') return;
    const subscriptions = this.#early === 0 ? decodeSubscriptions(text) : undefined;
    this.#early += 1;
    if (subscriptions === undefined) {
      // Zeek queues what comes before the ack, which after bad subscriptions never does.
      if (this.#early > MAX_EARLY)
        this.lifecycle.close('protocol', `${this.lifecycle.peerName} never subscribed`);
    } else if ('problem' in subscriptions) {
      this.#wire.send(bytes(encodeError('deserialization_failed', subscriptions.problem)));
      this.lifecycle.problem(subscriptions.problem);
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
      this.lifecycle.problem(`invalid message: ${error.message} (${error.code})`);
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
      case 'fence':
        this.#reply(FENCE_ERROR);
        return;
      case 'other':
        this.#reply('failed to decode JSON object');
        this.lifecycle.problem(`a message of unknown type ${JSON.stringify(message.name)}`);
        return;
      default:
        message satisfies never;
    }
  }

  #onData({ topic, data }: Extract<WebSocketMessage, { type: 'data-message' }>): void {
    for (const heard of heardIn(this.#options.role, this.lifecycle.filter, topic, data)) {
      if (this.lifecycle.isClosed) return;
      if ('event' in heard) this.lifecycle.handlers.onEvent(topic, heard.event);
      else {
        if (heard.reply) this.#reply(heard.reply);
        this.lifecycle.problem(heard.problem);
      }
    }
  }

  #onError(code: string, context: string): void {
    this.#lastError = `${context} (${code})`;
    const { peerName } = this.lifecycle;
    if (this.#outbound) {
      if (this.#fences?.error(context)) return;
      this.#errors.error(code, context, this.#frames.describeRecent());
    } else if (code === 'invalid_application_name' || code === 'invalid_uri') {
      this.lifecycle.close('refused', `${peerName} refused this client: ${this.#lastError}`, true);
    } else {
      this.lifecycle.close('protocol', `${peerName} refused the subscriptions: ${this.#lastError}`);
    }
  }

  #up(incarnation: string, version: string): void {
    const { lifecycle } = this;
    // Who is leaving does not come up any more.
    if (!lifecycle.isPending) return;
    const { transport, authenticated } = this.#options;
    const write = (frame: Uint8Array) => this.#wire.send(frame);
    const writePing = (payload: Uint8Array) => this.#wire.ping(payload);
    const fences = hasFences(version)
      ? new WebSocketFences({
          ...{ clock: lifecycle.clock, write, writePing },
          onMarker: (payload) => this.#outbound?.pong(payload),
          onRefused: (refused) => this.#errors.refused(refused, this.#frames.describeRecent()),
          onDoubt: () => this.#outbound?.probe(),
        })
      : undefined;
    const outbound = new Outbound({
      ...{ frames: this.#frames, clock: lifecycle.clock, peerName: lifecycle.peerName, write },
      wants: (topic) => this.#remoteFilter === undefined || matchesFilter(this.#remoteFilter, topic),
      writePing: fences ? (payload) => fences.mark(payload) : writePing,
      onProblem: (problem) => lifecycle.problem(problem),
      refusals: fences?.refusals,
    });
    this.#fences = fences;
    this.#outbound = outbound;
    this.#watch = new SilenceWatch(lifecycle.clock, lifecycle.timings, {
      onIdle: () => outbound.probe(),
      onSuspect: (suspect) => lifecycle.handlers.onSuspect(suspect),
      onLost: (silence) =>
        lifecycle.close('unresponsive', `${lifecycle.peerName} sent nothing for ${Math.round(silence)} ms`),
    });
    const filter = this.#remoteFilter;
    const channel = needsPacing(transport, version) ? pacedChannel(outbound) : outbound;
    lifecycle.up(this.#carrier, channel, {
      ...{ incarnation, filter, transport, authenticated },
      ...{ version, confirms: false },
    });
  }

  /** A server tells its client what it could not do. */
  #reply(context: string): void {
    if (this.#options.role.side === 'server') {
      this.#outbound?.writeNow(bytes(encodeError('deserialization_failed', context)));
    }
  }
}

function bytes(text: string): Uint8Array {
  return Buffer.from(text, 'utf8');
}
