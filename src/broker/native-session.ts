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
import { SendWindow } from './send-window.ts';
import { SilenceWatch } from './silence-watch.ts';
import { readMessages, type ZeekEvent } from './zeek-event.ts';

/** Bound on the frames of a handshake: filters of thousands of topics fit. */
const MAX_HANDSHAKE_FRAME = 1024 * 1024;
/** Size of a batch's frame where the window allows it. */
const BATCH_TARGET = 256 * 1024;
/** Calls of `send` and `confirm` that may wait their turn. */
const MAX_WAITING = 1_000;
/** Topics without a subscriber that are worth a word each. */
const MAX_REPORTED_TOPICS = 100;

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
  readonly #window = new SendWindow();
  readonly #writer = new ByteWriter(256);
  readonly #frames: EventFrames;
  readonly #self: HandshakeSelf;
  readonly #unheard = new Set<string>();
  readonly #finished = Promise.withResolvers<void>();
  #filter: readonly string[];
  #remoteFilter: readonly string[] = [];
  #remoteId = NIL_ENDPOINT;
  #handshake: HandshakeState | undefined;
  #closed: Closed | undefined;
  #blocked = false;
  #received = false;
  #room: PromiseWithResolvers<void> | undefined;
  #queue: Promise<void> = Promise.resolve();
  #waiting = 0;
  #deadline: unknown;
  #watch: SilenceWatch | undefined;
  #farewell: { readonly token: Uint8Array } | undefined;
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
    this.#frames = new EventFrames(options.endpointId, options.maxFrame);
    const filter = () => this.#filter;
    this.#self = {
      id: options.endpointId,
      get filter() {
        return filter();
      },
      admit: (remoteId, role) => options.peers.admit(remoteId, role, this),
    };
    this.#handlers = typeof handlers === 'function' ? handlers(this) : handlers;
  }

  /** Begins the handshake, which has `timeout` milliseconds. */
  start(timeout: number): void {
    this.#deadline = this.#options.clock.setTimeout(() => {
      const spoke = this.#received ? 'did not finish the handshake' : 'said nothing';
      this.close('handshake-timeout', `${this.#options.peerName} ${spoke} within ${timeout} ms`);
    }, timeout);
    this.#handlers.onPhase('handshaking');
    if (!this.#closed) this.#step(startHandshake(this.#options.side, this.#self));
  }

  /** Bytes came from the peer. */
  receive(chunk: Uint8Array): void {
    if (this.#closed) return;
    if (!this.#received && chunk.length > 0) {
      this.#received = true;
      const foreign = recogniseForeign(chunk);
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
      this.#broken(error);
    }
  }

  /** The stream takes bytes again. */
  drained(): void {
    this.#blocked = false;
    this.#watch?.heard();
    this.#wire.resume();
    this.#makeRoom();
  }

  /** The peer has closed its side. */
  ended(): void {
    if (this.#farewell) this.close('left', `left ${this.#options.peerName}`);
    else if (this.#peerLeaves) this.close('goodbye', `${this.#options.peerName} left in good order`);
    else if (this.#handshake?.at === 'peered') {
      this.close('reset', `${this.#options.peerName} closed the connection without a goodbye`);
    } else if (this.#received) {
      this.close('reset', `${this.#options.peerName} closed the connection during the handshake`);
    } else {
      const hint = 'it may speak TLS (brokers://) or be no Zeek';
      this.close('reset', `${this.#options.peerName} closed the connection before it said anything: ${hint}`);
    }
  }

  /** Ends the session for this reason, which its owner is told. Later calls change nothing. */
  close(code: Closed['code'], message: string, refused = false, end: 'now' | 'flushed' = 'now'): void {
    if (this.#closed) return;
    this.#closed = { code, message, refused };
    this.#options.clock.clearTimeout(this.#deadline);
    this.#watch?.stop();
    this.#options.peers.release(this);
    const error = new ConnectionError(code, message);
    this.#window.fail(error);
    this.#room?.reject(error);
    if (end === 'flushed') this.#wire.end();
    else this.#wire.destroy();
    this.#handlers.onClosed(this.#closed);
    this.#finished.resolve();
  }

  send(topic: string, events: readonly ZeekEvent[]): Promise<void> {
    return this.#enqueue(async () => {
      if (!matchesFilter(this.#remoteFilter, topic)) return this.#nobodyListens(topic);
      for (let next = 0; next < events.length; ) {
        await this.#waitForRoom();
        const target = Math.min(BATCH_TARGET, this.#window.size / 4);
        const made = this.#frames.next(topic, events, next, target);
        next = made.next;
        this.#write(made.frame);
        if (this.#window.add(made.frame.length)) this.#mark();
      }
      await this.#waitForRoom();
    });
  }

  async confirm(): Promise<void> {
    let confirmed: Promise<void> | undefined;
    await this.#enqueue(async () => {
      confirmed = this.#window.covered();
      if (confirmed) return;
      this.#mark();
      confirmed = this.#window.covered();
    });
    await confirmed;
  }

  subscribe(filter: readonly string[]): void {
    this.#filter = filter;
    if (this.#closed || this.#handshake?.at !== 'peered') return;
    const payload = new ByteWriter(256);
    writeFilter(payload, filter);
    this.#control('routing-update', payload.take());
  }

  leave(): Promise<void> {
    if (this.#closed || this.#farewell) return this.#finished.promise;
    if (this.#handshake?.at !== 'peered') {
      this.destroy();
      return this.#finished.promise;
    }
    const { clock, timings, peerName } = this.#options;
    const token = new Uint8Array(11);
    token.set(Buffer.from('BYE'));
    this.#farewell = { token };
    this.#deadline = clock.setTimeout(
      () => this.close('left', `left ${peerName}, which gave no answer within ${timings.leave} ms`),
      timings.leave,
    );
    this.#control('ping', token);
    return this.#finished.promise;
  }

  destroy(): void {
    this.close('left', `closed the connection to ${this.#options.peerName}`);
  }

  #frame(frame: Uint8Array): void {
    const state = this.#handshake;
    if (state?.at === 'peered') this.#envelope(decodeEnvelope(frame));
    else if (state) this.#step(continueHandshake(state, decodeHandshake(frame), this.#self));
  }

  #step(step: HandshakeStep): void {
    this.#handshake = step.state;
    for (const message of step.send) this.#write(encodeHandshake(message));
    if (step.state.at === 'failed') {
      const { code, message, refused } = step.state.failure;
      this.close(code, `${this.#options.peerName}: ${message}`, refused, 'flushed');
    } else if (step.state.at === 'peered') {
      this.#up(step.state.remoteId, step.state.filter);
    }
  }

  #up(remoteId: string, filter: readonly string[]): void {
    const { peers, clock, timings, maxFrame, transport, authenticated, peerName } = this.#options;
    clock.clearTimeout(this.#deadline);
    if (!peers.peered(remoteId, this)) {
      this.close('redundant', `another connection to ${peerName} was faster`);
      return;
    }
    this.#splitter.maxLength = maxFrame;
    this.#remoteId = remoteId;
    this.#remoteFilter = filter;
    this.#watch = new SilenceWatch(clock, timings, {
      onIdle: () => {
        if (this.#window.outstanding === 0) this.#mark();
      },
      onSuspect: (suspect) => this.#handlers.onSuspect(suspect),
      onLost: (silence) => this.close('unresponsive', `${peerName} has been silent for ${silence} ms`),
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

  #envelope(envelope: Envelope): void {
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
        this.#unheard.clear();
        this.#handlers.onFilter(filter);
        return;
      }
      case 'ping':
        if (isFarewell(envelope.payload)) this.#onFarewell();
        this.#control('pong', envelope.payload);
        // A peer that pings without reading our answers waits until they have gone out.
        if (this.#blocked) this.#wire.pause();
        return;
      case 'pong':
        this.#onPong(envelope.payload);
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

  #onPong(payload: Uint8Array): void {
    if (this.#farewell && Buffer.from(this.#farewell.token).equals(payload)) {
      this.close('left', `left ${this.#options.peerName}`, false, 'flushed');
    } else if (payload.length === 8) {
      this.#window.confirm(new ByteReader(payload).u64(), this.#options.clock.now());
      this.#makeRoom();
    }
  }

  #onFarewell(): void {
    if (this.#peerLeaves) return;
    this.#peerLeaves = true;
    const { clock, timings } = this.#options;
    clock.clearTimeout(this.#deadline);
    this.#deadline = clock.setTimeout(() => this.ended(), timings.leave);
  }

  #enqueue(task: () => Promise<void>): Promise<void> {
    const { peerName } = this.#options;
    if (this.#closed) return Promise.reject(new ConnectionError(this.#closed.code, this.#closed.message));
    if (this.#handshake?.at !== 'peered') {
      return Promise.reject(new ConnectionError('not-up', `the connection to ${peerName} is not up yet`));
    }
    if (this.#waiting >= MAX_WAITING) {
      const problem = `${this.#waiting} calls wait to send to ${peerName}: wait for one before the next`;
      return Promise.reject(new ConnectionError('overflow', problem));
    }
    this.#waiting += 1;
    const done = this.#queue.then(() => {
      this.#waiting -= 1;
      if (this.#closed) throw new ConnectionError(this.#closed.code, this.#closed.message);
      return task();
    });
    this.#queue = done.catch(() => undefined);
    return done;
  }

  async #waitForRoom(): Promise<void> {
    while (this.#blocked || !this.#window.open) {
      if (this.#closed) throw new ConnectionError(this.#closed.code, this.#closed.message);
      this.#room ??= Promise.withResolvers<void>();
      await this.#room.promise;
    }
  }

  #makeRoom(): void {
    if (this.#blocked || !this.#window.open) return;
    this.#room?.resolve();
    this.#room = undefined;
  }

  #mark(): void {
    this.#control('ping', new ByteWriter(8).u64(this.#window.mark(this.#options.clock.now())).take());
  }

  #control(kind: Envelope['kind'], payload: Uint8Array): void {
    const { endpointId: sender } = this.#options;
    const envelope: Envelope = {
      sender,
      receiver: this.#remoteId,
      kind,
      ttl: INITIAL_TTL,
      topic: CONTROL_TOPIC,
      payload,
    };
    writeEnvelope(this.#writer.reset(), envelope);
    this.#write(this.#writer.take());
  }

  #write(bytes: Uint8Array): void {
    if (!this.#closed && !this.#wire.write(bytes)) this.#blocked = true;
  }

  #nobodyListens(topic: string): void {
    if (this.#unheard.size >= MAX_REPORTED_TOPICS || this.#unheard.has(topic)) return;
    this.#unheard.add(topic);
    this.#problem(`subscribes to no prefix of ${topic}: what goes there is not sent`);
  }

  #problem(problem: string): void {
    this.#handlers.onProblem(`${this.#options.peerName}: ${problem}`);
  }

  /** The stream can't be understood any further. */
  #broken(error: CodecError): void {
    const { endpointId: id, peerName } = this.#options;
    if (this.#handshake?.at !== 'peered') {
      const code = error.code === 'bad-magic' ? DROP_CODE.wrongMagicNumber : DROP_CODE.invalidMessage;
      this.#write(encodeHandshake({ type: 'drop-conn', id, code, reason: error.message }));
    }
    const code = error.code === 'frame-too-large' ? 'frame-too-large' : 'protocol';
    this.close(code, `${peerName}: ${error.message} (${error.code})`, false, 'flushed');
  }
}

function isFarewell(payload: Uint8Array): boolean {
  return payload.length === 11 && Buffer.from(payload.subarray(0, 3)).toString('latin1') === 'BYE';
}
