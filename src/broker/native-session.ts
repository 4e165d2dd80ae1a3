import { CodecError } from './codec-error.ts';
import type { ConnectedPeers } from './connected-peers.ts';
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
import { FirstBytes } from './foreign-protocol.ts';
import { FrameSplitter } from './frames.ts';
import {
  continueHandshake,
  DROP_CODE,
  type HandshakeSelf,
  type HandshakeState,
  type HandshakeStep,
  startHandshake,
} from './handshake.ts';
import { decodeHandshake, encodeHandshake } from './handshake-messages.ts';
import { NativePeering } from './native-peering.ts';
import type { Wire } from './wire.ts';
import type { ZeekEvent } from './zeek-event.ts';

/** Bound on the frames of a handshake: filters of thousands of topics fit. */
const MAX_HANDSHAKE_FRAME = 1024 * 1024;

export interface SessionOptions {
  readonly side: 'connecting' | 'accepting';
  /** Our endpoint id, a UUID of version 4 in lower case. */
  readonly endpointId: string;
  readonly filter: readonly string[];
  readonly peers: ConnectedPeers;
  readonly transport: Transport;
  readonly authenticated: boolean;
  /** Bound on frames in bytes. */
  readonly maxFrame: number;
  readonly timings: Timings;
  readonly clock: Clock;
  /** How the other side is named in messages. */
  readonly peerName: string;
}

/**
 * One native Broker connection above its byte stream: handshake, envelopes, pings, back-pressure, goodbye.
 * Whoever owns the stream feeds {@link receive}, {@link drained} and {@link close}.
 */
export class NativeSession implements Connection {
  readonly #options: SessionOptions;
  readonly #wire: Wire;
  readonly #handlers: ConnectionHandlers;
  readonly #splitter = new FrameSplitter(MAX_HANDSHAKE_FRAME);
  readonly #head = new FirstBytes();
  readonly #self: HandshakeSelf;
  readonly #finished = Promise.withResolvers<void>();
  #filter: readonly string[];
  /** The filter that the peer was told in the handshake. */
  #announced: readonly string[] | undefined;
  #handshake: HandshakeState | undefined;
  #closed: Closed | undefined;
  readonly #deadline: Deadline;
  #peering: NativePeering | undefined;
  #leaving = false;
  #peerLeaves = false;

  constructor(wire: Wire, options: SessionOptions, handlers: HandlersFor) {
    this.#wire = wire;
    this.#deadline = new Deadline(options.clock);
    this.#options = options;
    this.#filter = options.filter;
    const filter = () => this.#filter;
    this.#self = {
      id: options.endpointId,
      get filter() {
        return filter();
      },
      admit: (remoteId, role) => options.peers.admit(remoteId, role, this),
      connected: (remoteId) => options.peers.hasOther(remoteId, this),
    };
    this.#handlers = typeof handlers === 'function' ? handlers(this) : handlers;
  }

  /** Begins the handshake, which has `timeout` milliseconds. */
  start(timeout: number): void {
    this.#deadline.set(timeout, () => {
      const spoke = this.#head.some ? 'did not finish the handshake' : 'said nothing';
      this.close('handshake-timeout', `${this.#options.peerName} ${spoke} within ${timeout} ms`);
    });
    this.#handlers.onPhase('handshaking');
    if (!this.#closed) this.#step(startHandshake(this.#options.side, this.#self));
  }

  /** Bytes came from the peer. */
  receive(chunk: Uint8Array): void {
    if (this.#closed) return;
    const foreign = this.#head.take(chunk);
    if (foreign) {
      this.close(foreign.code, `${this.#options.peerName} ${foreign.problem}`);
      return;
    }
    this.#peering?.heard();
    try {
      this.#splitter.push(chunk, (frame) => {
        if (!this.#closed) this.#frame(frame);
      });
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      if (!this.#closed) this.#broken(error);
    }
  }

  /** The stream takes bytes again. */
  drained(): void {
    if (this.#closed) return;
    this.#peering?.heard();
    this.#wire.resume();
    this.#peering?.drained();
  }

  /** The peer has closed its side, or the stream has failed for this reason. */
  ended(failure = 'it closed the connection'): void {
    const { peerName, side, transport } = this.#options;
    if (this.#leaving) this.close('left', `left ${peerName}`);
    else if (this.#peerLeaves) this.close('goodbye', `${peerName} left in good order`);
    else if (this.#peering) this.close('reset', `${peerName} broke off without a goodbye: ${failure}`);
    else if (this.#head.some) this.close('reset', `${peerName} broke off during the handshake: ${failure}`);
    else if (side === 'accepting') {
      this.close('reset', `${peerName} broke off before it said anything: ${failure}`);
    } else {
      const hint =
        transport === 'tcp'
          ? 'it may speak TLS (brokers://) or be no Zeek'
          : "it may refuse this side's certificate (its log tells) or be no Zeek";
      this.close('reset', `${peerName} broke off before it said anything: ${failure}; ${hint}`);
    }
  }

  /** Ends the session for this reason, which its owner is told. Later calls change nothing. */
  close(code: Closed['code'], message: string, refused = false, end: 'now' | 'flushed' = 'now'): void {
    if (this.#closed) return;
    this.#closed = { code, message, refused };
    this.#deadline.clear();
    this.#options.peers.release(this);
    this.#peering?.end(new ConnectionError(code, message));
    if (end === 'flushed') this.#wire.end();
    else this.#wire.destroy();
    this.#handlers.onClosed(this.#closed);
    this.#finished.resolve();
  }

  send(topic: string, events: readonly ZeekEvent[], onLeftOut?: OnLeftOut): Promise<void> {
    if (!this.#peering || this.#leaving) return this.#notUp();
    return this.#peering.send(topic, events, onLeftOut);
  }

  confirm(): Promise<void> {
    return this.#peering?.confirm() ?? this.#notUp();
  }

  subscribe(filter: readonly string[]): void {
    this.#filter = filter;
    if (!this.#closed) this.#peering?.subscribe(filter);
  }

  leave(): Promise<void> {
    if (this.#closed || this.#leaving) return this.#finished.promise;
    if (!this.#peering) {
      this.destroy();
      return this.#finished.promise;
    }
    this.#leaving = true;
    const { timings, peerName } = this.#options;
    this.#deadline.set(timings.leave, () =>
      this.close('left', `left ${peerName}, which gave no answer within ${timings.leave} ms`),
    );
    this.#peering.sayFarewell();
    return this.#finished.promise;
  }

  destroy(): void {
    this.close('left', `closed the connection to ${this.#options.peerName}`);
  }

  #frame(frame: Uint8Array): void {
    const state = this.#handshake;
    if (this.#peering) this.#peering.receive(frame);
    else if (state) this.#step(continueHandshake(state, decodeHandshake(frame), this.#self));
  }

  #step(step: HandshakeStep): void {
    this.#handshake = step.state;
    for (const message of step.send) {
      if ('filter' in message) this.#announced = message.filter;
      this.#wire.write(encodeHandshake(message));
    }
    if (step.state.at === 'failed') {
      const { code, message, refused } = step.state.failure;
      this.close(code, `${this.#options.peerName}: ${message}`, refused, 'flushed');
    } else if (step.state.at === 'peered') {
      this.#up(step.state.remoteId, step.state.filter);
    }
  }

  #up(remoteId: string, filter: readonly string[]): void {
    const { peers, clock, timings, maxFrame, transport, authenticated, peerName, endpointId } = this.#options;
    this.#deadline.clear();
    if (!peers.peered(remoteId, this)) {
      this.close('redundant', `another connection to ${peerName} was faster`);
      return;
    }
    this.#splitter.maxLength = maxFrame;
    this.#peering = new NativePeering(
      this.#wire,
      {
        endpointId,
        remoteId,
        filter: this.#filter,
        remoteFilter: filter,
        maxFrame,
        timings,
        clock,
        peerName,
      },
      {
        onEvent: (topic, event) => this.#handlers.onEvent(topic, event),
        onFilter: (topics) => this.#handlers.onFilter(topics),
        onSuspect: (suspect) => this.#handlers.onSuspect(suspect),
        onProblem: (problem) => this.#handlers.onProblem(`${peerName}: ${problem}`),
        onFarewell: () => this.#onFarewell(),
        onFarewellAnswered: () => this.close('left', `left ${peerName}`, false, 'flushed'),
        onLost: (problem) => this.close('unresponsive', problem),
      },
    );
    if (this.#filter !== this.#announced) this.#peering.subscribe(this.#filter);
    const incarnation = remoteId;
    this.#handlers.onUp({ incarnation, filter, transport, authenticated, version: '', confirms: true });
  }

  #onFarewell(): void {
    if (this.#peerLeaves) return;
    this.#peerLeaves = true;
    this.#deadline.set(this.#options.timings.leave, () => this.ended());
  }

  #notUp(): Promise<never> {
    return notUp(this.#closed, this.#options.peerName, this.#leaving);
  }

  /** The stream can't be understood any further. */
  #broken(error: CodecError): void {
    const { endpointId: id, peerName } = this.#options;
    if (!this.#peering) {
      const code = error.code === 'bad-magic' ? DROP_CODE.wrongMagicNumber : DROP_CODE.invalidMessage;
      this.#wire.write(encodeHandshake({ type: 'drop-conn', id, code, reason: error.message }));
    }
    const code = error.code === 'frame-too-large' ? 'frame-too-large' : 'protocol';
    this.close(code, `${peerName}: ${error.message} (${error.code})`, false, 'flushed');
  }
}
