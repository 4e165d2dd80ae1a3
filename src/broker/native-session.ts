import { readData } from './binary.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { CodecError } from './codec-error.ts';
import type { ConnectedPeers } from './connected-peers.ts';
import {
  type Clock,
  type Closed,
  type Connection,
  ConnectionError,
  type ConnectionHandlers,
  type Timings,
  type Transport,
} from './connection.ts';
import { NIL_ENDPOINT } from './endpoint-id.ts';
import { CONTROL_TOPIC, decodeEnvelope, type Envelope, INITIAL_TTL, writeEnvelope } from './envelope.ts';
import { EventFrames } from './event-frames.ts';
import { recogniseForeign } from './foreign-protocol.ts';
import { FrameSplitter } from './frames.ts';
import {
  continueHandshake,
  DROP_CODE,
  type HandshakeSelf,
  type HandshakeState,
  type HandshakeStep,
  startHandshake,
} from './handshake.ts';
import {
  decodeHandshake,
  encodeHandshake,
  matchesFilter,
  readFilter,
  writeFilter,
} from './handshake-messages.ts';
import { Outbound } from './outbound.ts';
import { SilenceWatch } from './silence-watch.ts';
import { readMessages, type ZeekEvent } from './zeek-event.ts';

/** Bound on the frames of a handshake: filters of thousands of topics fit. */
const MAX_HANDSHAKE_FRAME = 1024 * 1024;
/** Bytes that tell a Broker from others. */
const HEAD = 4;
/** The byte stream under a session. */
export interface Wire {
  /** False if nothing more should be written until the session is told that it has {@link NativeSession.drained}. */
  write(bytes: Uint8Array): boolean;
  pause(): void;
  resume(): void;
  /** Sends what was written, then closes. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
}

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
  readonly #self: HandshakeSelf;
  readonly #finished = Promise.withResolvers<void>();
  #filter: readonly string[];
  /** The filter that the peer was told in the handshake. */
  #announced: readonly string[] | undefined;
  #handshake: HandshakeState | undefined;
  #closed: Closed | undefined;
  /** The first bytes that came, which tell whether the peer is a Broker at all. */
  #head = Buffer.alloc(0);
  #deadline: unknown;
  #remoteId = NIL_ENDPOINT;
  #remoteFilter: readonly string[] = [];
  #outbound: Outbound | undefined;
  #watch: SilenceWatch | undefined;
  #farewell: Uint8Array | undefined;
  #peerLeaves = false;

  /** @param handlers or who makes them for this connection */
  constructor(
    wire: Wire,
    options: SessionOptions,
    handlers: ConnectionHandlers | ((connection: Connection) => ConnectionHandlers),
  ) {
    this.#wire = wire;
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
    this.#deadline = this.#options.clock.setTimeout(() => {
      const spoke = this.#head.length > 0 ? 'did not finish the handshake' : 'said nothing';
      this.close('handshake-timeout', `${this.#options.peerName} ${spoke} within ${timeout} ms`);
    }, timeout);
    this.#handlers.onPhase('handshaking');
    if (!this.#closed) this.#step(startHandshake(this.#options.side, this.#self));
  }

  /** Bytes came from the peer. */
  receive(chunk: Uint8Array): void {
    if (this.#closed) return;
    if (this.#head.length < HEAD) {
      this.#head = Buffer.concat([this.#head, chunk.subarray(0, HEAD)]);
      const foreign = this.#head.length < HEAD ? undefined : recogniseForeign(this.#head);
      if (foreign) {
        this.close(foreign.code, `${this.#options.peerName} ${foreign.problem}`);
        return;
      }
    }
    this.#watch?.heard();
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
    this.#watch?.heard();
    this.#wire.resume();
    this.#outbound?.drained();
  }

  /** The peer has closed its side, or the stream has failed for this reason. */
  ended(failure = 'closed the connection'): void {
    const { peerName, side, transport } = this.#options;
    if (this.#farewell) this.close('left', `left ${peerName}`);
    else if (this.#peerLeaves) this.close('goodbye', `${peerName} left in good order`);
    else if (this.#outbound) this.close('reset', `${peerName} without a goodbye: ${failure}`);
    else if (this.#head.length > 0) this.close('reset', `${peerName} during the handshake: ${failure}`);
    else if (side === 'accepting') this.close('reset', `${peerName} before it said anything: ${failure}`);
    else {
      const hint =
        transport === 'tcp'
          ? 'it may speak TLS (brokers://) or be no Zeek'
          : "it may refuse this side's certificate (its log tells) or be no Zeek";
      this.close('reset', `${peerName} before it said anything: ${failure}; ${hint}`);
    }
  }

  /** Ends the session for this reason, which its owner is told. Later calls change nothing. */
  close(code: Closed['code'], message: string, refused = false, end: 'now' | 'flushed' = 'now'): void {
    if (this.#closed) return;
    this.#closed = { code, message, refused };
    this.#options.clock.clearTimeout(this.#deadline);
    this.#watch?.stop();
    this.#options.peers.release(this);
    this.#outbound?.fail(new ConnectionError(code, message));
    if (end === 'flushed') this.#wire.end();
    else this.#wire.destroy();
    this.#handlers.onClosed(this.#closed);
    this.#finished.resolve();
  }

  send(topic: string, events: readonly ZeekEvent[]): Promise<void> {
    if (!this.#outbound || this.#farewell) return this.#notUp();
    return this.#outbound.send(topic, events);
  }

  confirm(): Promise<void> {
    return this.#outbound?.confirm() ?? this.#notUp();
  }

  subscribe(filter: readonly string[]): void {
    this.#filter = filter;
    if (this.#closed || !this.#outbound) return;
    const payload = new ByteWriter(256);
    writeFilter(payload, filter);
    this.#outbound.writeNow(this.#control('routing-update', payload.take()));
  }

  leave(): Promise<void> {
    if (this.#closed || this.#farewell) return this.#finished.promise;
    if (!this.#outbound) {
      this.destroy();
      return this.#finished.promise;
    }
    const { clock, timings, peerName } = this.#options;
    const token = new Uint8Array(11);
    token.set(Buffer.from('BYE'));
    this.#farewell = token;
    this.#deadline = clock.setTimeout(
      () => this.close('left', `left ${peerName}, which gave no answer within ${timings.leave} ms`),
      timings.leave,
    );
    this.#outbound.writeNow(this.#control('ping', token));
    return this.#finished.promise;
  }

  destroy(): void {
    this.close('left', `closed the connection to ${this.#options.peerName}`);
  }

  #frame(frame: Uint8Array): void {
    const state = this.#handshake;
    if (this.#outbound) this.#envelope(decodeEnvelope(frame), this.#outbound);
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
    clock.clearTimeout(this.#deadline);
    if (!peers.peered(remoteId, this)) {
      this.close('redundant', `another connection to ${peerName} was faster`);
      return;
    }
    this.#splitter.maxLength = maxFrame;
    this.#remoteId = remoteId;
    this.#remoteFilter = filter;
    const outbound = new Outbound({
      frames: new EventFrames(endpointId, maxFrame),
      clock,
      peerName,
      wants: (topic) => matchesFilter(this.#remoteFilter, topic),
      write: (bytes) => this.#wire.write(bytes),
      writePing: (payload) => this.#wire.write(this.#control('ping', payload)),
      onProblem: (problem) => this.#problem(problem),
    });
    this.#outbound = outbound;
    if (this.#filter !== this.#announced) this.subscribe(this.#filter);
    this.#watch = new SilenceWatch(clock, timings, {
      onIdle: () => outbound.probe(),
      onSuspect: (suspect) => this.#handlers.onSuspect(suspect),
      onLost: (silence) => {
        const bound = timings.idle + timings.suspect + timings.unresponsive;
        this.close(
          'unresponsive',
          `${peerName} was silent for ${Math.round(silence)} ms, the bound is ${bound} ms`,
        );
      },
    });
    this.#handlers.onUp({
      incarnation: remoteId,
      filter,
      transport,
      authenticated,
      version: '',
      confirms: true,
    });
  }

  #envelope(envelope: Envelope, outbound: Outbound): void {
    switch (envelope.kind) {
      case 'data':
        if (envelope.receiver === NIL_ENDPOINT || envelope.receiver === this.#options.endpointId) {
          this.#data(envelope);
        }
        return;
      case 'routing-update': {
        const reader = new ByteReader(envelope.payload);
        const filter = readFilter(reader);
        reader.end();
        this.#remoteFilter = filter;
        outbound.subscribed();
        this.#handlers.onFilter(filter);
        return;
      }
      case 'ping':
        if (isFarewell(envelope.payload)) this.#onFarewell();
        outbound.writeNow(this.#control('pong', envelope.payload));
        // A peer that pings without reading our answers waits until they have gone out.
        if (outbound.blocked) this.#wire.pause();
        return;
      case 'pong':
        this.#onPong(envelope.payload, outbound);
        return;
      case 'command':
        return;
      default:
        envelope.kind satisfies never;
    }
  }

  #data({ topic, payload }: Envelope): void {
    // Zeek sends its log records whatever our filter says.
    if (!matchesFilter(this.#filter, topic)) return;
    try {
      const reader = new ByteReader(payload);
      const data = readData(reader);
      reader.end();
      for (const message of readMessages(data)) {
        if (this.#closed) return;
        if (message.type === 'event') this.#handlers.onEvent(topic, message.event);
        if (message.type === 'malformed') this.#problem(`a message on ${topic}: ${message.problem}`);
      }
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      this.#problem(`a message on ${topic} that can't be read: ${error.message} (${error.code})`);
    }
  }

  #onPong(payload: Uint8Array, outbound: Outbound): void {
    if (this.#farewell && Buffer.from(this.#farewell).equals(payload)) {
      this.close('left', `left ${this.#options.peerName}`, false, 'flushed');
    } else {
      outbound.pong(payload);
    }
  }

  #onFarewell(): void {
    if (this.#peerLeaves) return;
    this.#peerLeaves = true;
    const { clock, timings } = this.#options;
    clock.clearTimeout(this.#deadline);
    this.#deadline = clock.setTimeout(() => this.ended(), timings.leave);
  }

  /** An envelope from us to the peer itself. */
  #control(kind: Envelope['kind'], payload: Uint8Array): Uint8Array {
    const writer = new ByteWriter(64 + payload.length);
    writeEnvelope(writer, {
      sender: this.#options.endpointId,
      receiver: this.#remoteId,
      kind,
      ttl: INITIAL_TTL,
      topic: CONTROL_TOPIC,
      payload,
    });
    return writer.take();
  }

  #notUp(): Promise<never> {
    const { code, message } = this.#closed ?? {
      code: 'not-up' as const,
      message: `the connection to ${this.#options.peerName} ${this.#farewell ? 'is being left' : 'is not up yet'}`,
    };
    return Promise.reject(new ConnectionError(code, message));
  }

  #problem(problem: string): void {
    this.#handlers.onProblem(`${this.#options.peerName}: ${problem}`);
  }

  /** The stream can't be understood any further. */
  #broken(error: CodecError): void {
    const { endpointId: id, peerName } = this.#options;
    if (!this.#outbound) {
      const code = error.code === 'bad-magic' ? DROP_CODE.wrongMagicNumber : DROP_CODE.invalidMessage;
      this.#wire.write(encodeHandshake({ type: 'drop-conn', id, code, reason: error.message }));
    }
    const code = error.code === 'frame-too-large' ? 'frame-too-large' : 'protocol';
    this.close(code, `${peerName}: ${error.message} (${error.code})`, false, 'flushed');
  }
}

function isFarewell(payload: Uint8Array): boolean {
  return payload.length === 11 && Buffer.from(payload.subarray(0, 3)).toString('latin1') === 'BYE';
}
