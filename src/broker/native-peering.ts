import { decodeData } from './binary.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { CodecError } from './codec-error.ts';
import type { Clock, ConnectionError, ConnectionHandlers, OnLeftOut, Timings } from './connection.ts';
import { NIL_ENDPOINT } from './endpoint-id.ts';
import { CONTROL_TOPIC, decodeEnvelope, type Envelope, INITIAL_TTL, writeEnvelope } from './envelope.ts';
import { EventFrames } from './event-frames.ts';
import { matchesFilter, readFilter, writeFilter } from './handshake-messages.ts';
import { Outbound } from './outbound.ts';
import { SilenceWatch } from './silence-watch.ts';
import type { Wire } from './wire.ts';
import { readMessages, type ZeekEvent } from './zeek-event.ts';

export interface PeeringOptions {
  /** Our endpoint id and the peer's, UUIDs in lower case. */
  readonly endpointId: string;
  readonly remoteId: string;
  /** Topic prefixes that we want, and those that the peer wants. */
  readonly filter: readonly string[];
  readonly remoteFilter: readonly string[];
  /** Bound on frames in bytes. */
  readonly maxFrame: number;
  readonly timings: Timings;
  readonly clock: Clock;
  /** How the other side is named in messages. */
  readonly peerName: string;
}

/** What a peering tells its session, which alone may end it. */
export interface PeeringHandlers
  extends Pick<ConnectionHandlers, 'onEvent' | 'onFilter' | 'onSuspect' | 'onProblem'> {
  /** The peer starts a clean shutdown. */
  onFarewell(): void;
  /** The peer has processed our goodbye, and all that was sent before it. */
  onFarewellAnswered(): void;
  /** The peer has been silent for too long. */
  onLost(problem: string): void;
}

/** The messages on a native connection after its handshake: events, filters, pings, goodbyes. */
export class NativePeering {
  readonly #wire: Wire;
  readonly #options: PeeringOptions;
  readonly #handlers: PeeringHandlers;
  readonly #outbound: Outbound;
  readonly #watch: SilenceWatch;
  #filter: readonly string[];
  #remoteFilter: readonly string[];
  #farewell: Uint8Array | undefined;
  #isOver = false;

  constructor(wire: Wire, options: PeeringOptions, handlers: PeeringHandlers) {
    const { endpointId, maxFrame, clock, timings, peerName } = options;
    this.#wire = wire;
    this.#options = options;
    this.#handlers = handlers;
    this.#filter = options.filter;
    this.#remoteFilter = options.remoteFilter;
    this.#outbound = new Outbound({
      frames: new EventFrames(endpointId, maxFrame),
      clock,
      peerName,
      wants: (topic) => matchesFilter(this.#remoteFilter, topic),
      write: (bytes) => wire.write(bytes),
      writePing: (payload) => wire.write(this.#control('ping', payload)),
      onProblem: (problem) => handlers.onProblem(problem),
    });
    this.#watch = new SilenceWatch(clock, timings, {
      onIdle: () => this.#outbound.probe(),
      onSuspect: (suspect) => handlers.onSuspect(suspect),
      onLost: (silence) => {
        const bound = timings.idle + timings.suspect + timings.unresponsive;
        const silent = `${peerName} sent nothing for ${Math.round(silence)} ms`;
        handlers.onLost(`${silent}, the limit is ${bound} ms`);
      },
    });
  }

  /** A frame came. @throws CodecError if the stream can't be understood any further */
  receive(frame: Uint8Array): void {
    const envelope = decodeEnvelope(frame);
    const { kind, payload } = envelope;
    switch (kind) {
      case 'data':
        if (envelope.receiver === NIL_ENDPOINT || envelope.receiver === this.#options.endpointId) {
          this.#onData(envelope);
        }
        return;
      case 'routing-update':
        this.#onFilter(payload);
        return;
      case 'ping':
        if (isFarewell(payload)) this.#handlers.onFarewell();
        this.#outbound.writeNow(this.#control('pong', payload));
        // A peer that pings without reading our answers waits until they have gone out.
        if (this.#outbound.blocked) this.#wire.pause();
        return;
      case 'pong':
        if (this.#farewell && Buffer.from(this.#farewell).equals(payload))
          this.#handlers.onFarewellAnswered();
        else this.#outbound.pong(payload);
        return;
      case 'command':
        return;
      default:
        kind satisfies never;
    }
  }

  /** The peer gave a sign of life. */
  heard(): void {
    this.#watch.heard();
  }

  /** The stream takes bytes again. */
  drained(): void {
    this.#outbound.drained();
  }

  send(topic: string, events: readonly ZeekEvent[], onLeftOut?: OnLeftOut): Promise<void> {
    return this.#outbound.send(topic, events, onLeftOut);
  }

  confirm(): Promise<void> {
    return this.#outbound.confirm();
  }

  subscribe(filter: readonly string[]): void {
    this.#filter = filter;
    const payload = new ByteWriter(256);
    writeFilter(payload, filter);
    this.#outbound.writeNow(this.#control('routing-update', payload.take()));
  }

  sayFarewell(): void {
    this.#farewell = new Uint8Array(FAREWELL_LENGTH);
    this.#farewell.set(FAREWELL);
    this.#outbound.writeNow(this.#control('ping', this.#farewell));
  }

  /** The connection has closed: nothing is handed on any more, and all that waits is rejected. */
  fail(error: ConnectionError): void {
    this.#isOver = true;
    this.#watch.stop();
    this.#outbound.fail(error);
  }

  #onFilter(payload: Uint8Array): void {
    const reader = new ByteReader(payload);
    const filter = readFilter(reader);
    reader.end();
    this.#remoteFilter = filter;
    this.#outbound.subscribed();
    this.#handlers.onFilter(filter);
  }

  #onData({ topic, payload }: Envelope): void {
    // Zeek sends its log records whatever our filter says.
    if (!matchesFilter(this.#filter, topic)) return;
    try {
      for (const message of readMessages(decodeData(payload))) {
        if (this.#isOver) return;
        if (message.type === 'event') this.#handlers.onEvent(topic, message.event);
        if (message.type === 'malformed') {
          this.#handlers.onProblem(`a message on ${topic}: ${message.problem}`);
        }
      }
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      this.#handlers.onProblem(`invalid message on ${topic}: ${error.message} (${error.code})`);
    }
  }

  /** An envelope from us to the peer itself. */
  #control(kind: Envelope['kind'], payload: Uint8Array): Uint8Array {
    const writer = new ByteWriter(64 + payload.length);
    writeEnvelope(writer, {
      sender: this.#options.endpointId,
      receiver: this.#options.remoteId,
      kind,
      ttl: INITIAL_TTL,
      topic: CONTROL_TOPIC,
      payload,
    });
    return writer.take();
  }
}

/** A goodbye is a ping of this length that begins so; a Broker's own goes on with a number of 64 bits. */
const FAREWELL = Buffer.from('BYE');
const FAREWELL_LENGTH = 11;

export function isFarewell(payload: Uint8Array): boolean {
  return payload.length === FAREWELL_LENGTH && FAREWELL.equals(payload.subarray(0, FAREWELL.length));
}
