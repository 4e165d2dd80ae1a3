import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import type { Clock, Closed } from './connection.ts';
import { Deadline } from './deadline.ts';
import { formatEndpointId, isNil, NIL_ENDPOINT } from './endpoint-id.ts';
import {
  CONTROL_TOPIC,
  type Envelope,
  encodeEnvelopeHeader,
  INITIAL_TTL,
  pongTo,
  skimEnvelope,
  writeEnvelope,
} from './envelope.ts';
import { DROP_CODE } from './handshake.ts';
import { encodeHandshake, readFilter, writeFilter } from './handshake-messages.ts';
import { isFarewell } from './native-peering.ts';
import { NativeStream } from './native-stream.ts';
import type { Wire } from './wire.ts';

export interface RelayOptions {
  readonly side: 'connecting' | 'accepting';
  /** Our endpoint id, a UUID in lower case. */
  readonly endpointId: string;
  /** Topic prefixes that we want. */
  readonly filter: readonly string[];
  /** Bound on frames in bytes. */
  readonly maxFrame: number;
  readonly clock: Clock;
  /** How the other side is named in messages. */
  readonly peerName: string;
}

/** What a relay session tells its owner. Nothing is called after `onClosed`. */
export interface RelayHandlers {
  /** The handshake is through. */
  onUp(remoteId: string, filter: readonly string[]): void;
  /** A data message came; the payload shares memory with what was received. */
  onPayload(topic: string, payload: Uint8Array): void;
  /** The peer changed its subscriptions. */
  onFilter(filter: readonly string[]): void;
  /** The peer asks to have this frame written once all that it sent before has arrived where it belongs. */
  onPing(pong: Uint8Array): void;
  onPong(payload: Uint8Array): void;
  /** The stream takes bytes again. */
  onDrained(): void;
  /** Exactly once, last. */
  onClosed(closed: Closed): void;
}

type RelayPhase =
  | { readonly at: 'handshaking' | 'closed' }
  | { readonly at: 'up' | 'peer-leaving'; readonly remoteId: string };

/**
 * One native Broker connection whose messages are passed on as bytes: handshake and envelopes as in
 * {@link file://./native-session.ts}, but values are not decoded, and the owner decides when a ping is answered. Holds
 * next to nothing while nothing is under way, for a process may have ten thousand of them.
 */
export class RelaySession {
  /** When the peer was heard last, by the clock. */
  heardAt: number;
  readonly #wire: Wire;
  readonly #options: RelayOptions;
  readonly #handlers: RelayHandlers;
  readonly #stream: NativeStream;
  readonly #deadline: Deadline;
  #phase: RelayPhase = { at: 'handshaking' };

  constructor(wire: Wire, options: RelayOptions, handlers: RelayHandlers) {
    this.#wire = wire;
    this.#options = options;
    this.#handlers = handlers;
    this.#deadline = new Deadline(options.clock);
    this.heardAt = options.clock.now();
    const { side, endpointId: id, filter, maxFrame, peerName } = options;
    this.#stream = new NativeStream(
      wire,
      // Who comes back before its former connection is known to be dead is welcome: the owner ends the former one.
      { side, self: { id, filter, admit: () => true, connected: () => false }, maxFrame, peerName },
      {
        isClosed: () => this.#phase.at === 'closed',
        onPeered: (remoteId, remoteFilter) => this.#up(remoteId, remoteFilter),
        onFrame: (frame) => this.#frame(frame),
        onBroken: ({ code, message, refused }, how) => this.close(code, message, refused, how),
      },
    );
  }

  get isUp(): boolean {
    return this.#phase.at === 'up' || this.#phase.at === 'peer-leaving';
  }

  /** Begins the handshake, which has `timeout` milliseconds. */
  start(timeout: number): void {
    const { peerName } = this.#options;
    this.#deadline.set(timeout, () =>
      this.close('handshake-timeout', `${peerName} did not complete the handshake within ${timeout} ms`),
    );
    this.#stream.start();
  }

  /** Bytes came from the peer. */
  receive(chunk: Uint8Array): void {
    if (this.#phase.at === 'closed') return;
    this.heardAt = this.#options.clock.now();
    this.#stream.receive(chunk);
  }

  /** The stream takes bytes again. */
  drained(): void {
    if (this.#phase.at !== 'closed') this.#handlers.onDrained();
  }

  /** The peer has closed its side, or the stream has failed for this reason. */
  ended(failure = 'it closed the connection'): void {
    const { peerName } = this.#options;
    if (this.#phase.at === 'peer-leaving') this.close('goodbye', `${peerName} disconnected (clean shutdown)`);
    else if (this.isUp) this.close('reset', `${peerName} disconnected unexpectedly: ${failure}`);
    else this.close('reset', `${peerName} disconnected during the handshake: ${failure}`);
  }

  /** Ends the session; its owner is told. Later calls change nothing. */
  close(code: Closed['code'], message: string, refused = false, end: 'now' | 'flushed' = 'now'): void {
    if (this.#phase.at === 'closed') return;
    this.#phase = { at: 'closed' };
    this.#deadline.clear();
    if (end === 'flushed') this.#wire.end();
    else this.#wire.destroy();
    this.#handlers.onClosed({ code, message, refused });
  }

  /** Ends a handshake, or a connection, with a reason that the peer understands. */
  drop(code: number, reason: string): void {
    if (this.#phase.at === 'closed') return;
    if (!this.isUp)
      this.#wire.write(encodeHandshake({ type: 'drop-conn', id: this.#options.endpointId, code, reason }));
    this.close('left', reason, false, 'flushed');
  }

  /** Writes a whole frame; false: no more until `onDrained`. */
  write(frame: Uint8Array): boolean {
    return this.#phase.at !== 'closed' && this.#wire.write(frame);
  }

  ping(payload: Uint8Array): boolean {
    return this.write(this.#control('ping', payload));
  }

  /** Tells the peer other topic prefixes than in the handshake. */
  subscribe(filter: readonly string[]): boolean {
    const payload = new ByteWriter(256);
    writeFilter(payload, filter);
    return this.write(this.#control('routing-update', payload.take()));
  }

  pause(): void {
    this.#wire.pause();
  }

  resume(): void {
    if (this.#phase.at !== 'closed') this.#wire.resume();
  }

  #up(remoteId: string, filter: readonly string[]): void {
    this.#deadline.clear();
    this.#phase = { at: 'up', remoteId };
    this.#handlers.onUp(remoteId, filter);
  }

  #frame(frame: Uint8Array): void {
    const { kind, topic, payload, receiver } = skimEnvelope(frame);
    switch (kind) {
      case 'data':
        if (isNil(receiver) || formatEndpointId(receiver) === this.#options.endpointId)
          this.#handlers.onPayload(topic, payload);
        return;
      case 'routing-update': {
        const reader = new ByteReader(payload);
        const filter = readFilter(reader);
        reader.end();
        this.#handlers.onFilter(filter);
        return;
      }
      case 'ping':
        if (isFarewell(payload) && this.#phase.at === 'up')
          this.#phase = { ...this.#phase, at: 'peer-leaving' };
        this.#handlers.onPing(pongTo(frame));
        return;
      case 'pong':
        this.#handlers.onPong(payload);
        return;
      case 'command':
        return;
      default:
        kind satisfies never;
    }
  }

  #control(kind: Envelope['kind'], payload: Uint8Array): Uint8Array {
    const writer = new ByteWriter(64 + payload.length);
    writeEnvelope(writer, {
      sender: this.#options.endpointId,
      receiver: 'remoteId' in this.#phase ? this.#phase.remoteId : NIL_ENDPOINT,
      kind,
      ttl: INITIAL_TTL,
      topic: CONTROL_TOPIC,
      payload,
    });
    return writer.take();
  }
}

/** A data message to everybody who has subscribed to the topic, as a frame; the parts make up its payload. */
export function dataFrame(sender: string, topic: string, ...parts: readonly Uint8Array[]): Uint8Array {
  const header = encodeEnvelopeHeader({
    ...{ sender, receiver: NIL_ENDPOINT, kind: 'data', ttl: INITIAL_TTL, topic },
  });
  const length = parts.reduce((sum, part) => sum + part.length, header.length);
  const frame = Buffer.allocUnsafeSlow(4 + length);
  frame.writeUInt32BE(length, 0);
  let at = 4;
  for (const part of [header, ...parts]) {
    frame.set(part, at);
    at += part.length;
  }
  return frame;
}

/** The reason of a {@link RelaySession.drop} by which a peer is sent away for now. */
export const AWAY = DROP_CODE.shuttingDown;
