import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { CodecError } from './codec-error.ts';
import type { Clock, Closed } from './connection.ts';
import { Deadline } from './deadline.ts';
import { NIL_ENDPOINT } from './endpoint-id.ts';
import {
  CONTROL_TOPIC,
  decodeEnvelope,
  type Envelope,
  encodeEnvelopeHeader,
  INITIAL_TTL,
  writeEnvelope,
} from './envelope.ts';
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
import { decodeHandshake, encodeHandshake, readFilter, writeFilter } from './handshake-messages.ts';
import type { Wire } from './wire.ts';

/** Bound on the frames of a handshake. */
const MAX_HANDSHAKE_FRAME = 1024 * 1024;

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
  /** The peer asks for a {@link RelaySession.pong} once all that it sent before has arrived where it belongs. */
  onPing(payload: Uint8Array): void;
  onPong(payload: Uint8Array): void;
  /** The stream takes bytes again. */
  onDrained(): void;
  /** Exactly once, last. */
  onClosed(closed: Closed): void;
}

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
  readonly #splitter = new FrameSplitter(MAX_HANDSHAKE_FRAME);
  readonly #deadline: Deadline;
  #head: FirstBytes | undefined = new FirstBytes();
  #handshake: HandshakeState | undefined;
  #remoteId: string | undefined;
  #peerLeaves = false;
  #closed: Closed | undefined;

  constructor(wire: Wire, options: RelayOptions, handlers: RelayHandlers) {
    this.#wire = wire;
    this.#options = options;
    this.#handlers = handlers;
    this.#deadline = new Deadline(options.clock);
    this.heardAt = options.clock.now();
  }

  get isUp(): boolean {
    return this.#remoteId !== undefined && this.#closed === undefined;
  }

  /** Begins the handshake, which has `timeout` milliseconds. */
  start(timeout: number): void {
    const { peerName, side } = this.#options;
    this.#deadline.set(timeout, () =>
      this.close('handshake-timeout', `${peerName} did not complete the handshake within ${timeout} ms`),
    );
    this.#step(startHandshake(side, this.#self()));
  }

  /** Bytes came from the peer. */
  receive(chunk: Uint8Array): void {
    if (this.#closed) return;
    this.heardAt = this.#options.clock.now();
    const foreign = this.#head?.take(chunk);
    if (foreign) {
      this.close(foreign.code, `${this.#options.peerName} ${foreign.problem}`);
      return;
    }
    try {
      this.#splitter.push(chunk, (frame) => {
        if (!this.#closed) this.#frame(frame);
      });
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      const code = error.code === 'frame-too-large' ? 'frame-too-large' : 'protocol';
      this.close(code, `${this.#options.peerName}: ${error.message} (${error.code})`);
    }
  }

  /** The stream takes bytes again. */
  drained(): void {
    if (!this.#closed) this.#handlers.onDrained();
  }

  /** The peer has closed its side, or the stream has failed for this reason. */
  ended(failure = 'it closed the connection'): void {
    const { peerName } = this.#options;
    if (this.#peerLeaves) this.close('goodbye', `${peerName} disconnected (clean shutdown)`);
    else if (this.isUp) this.close('reset', `${peerName} disconnected unexpectedly: ${failure}`);
    else this.close('reset', `${peerName} disconnected during the handshake: ${failure}`);
  }

  /** Ends the session; its owner is told. Later calls change nothing. */
  close(code: Closed['code'], message: string, refused = false, end: 'now' | 'flushed' = 'now'): void {
    if (this.#closed) return;
    this.#closed = { code, message, refused };
    this.#deadline.clear();
    if (end === 'flushed') this.#wire.end();
    else this.#wire.destroy();
    this.#handlers.onClosed(this.#closed);
  }

  /** Ends a handshake, or a connection, with a reason that the peer understands. */
  drop(code: number, reason: string): void {
    if (this.#closed) return;
    if (!this.isUp)
      this.#wire.write(encodeHandshake({ type: 'drop-conn', id: this.#options.endpointId, code, reason }));
    this.close('left', reason, false, 'flushed');
  }

  /** Writes a whole frame; false: no more until `onDrained`. */
  write(frame: Uint8Array): boolean {
    return this.#closed === undefined && this.#wire.write(frame);
  }

  ping(payload: Uint8Array): boolean {
    return this.write(this.#control('ping', payload));
  }

  pong(payload: Uint8Array): boolean {
    return this.write(this.#control('pong', payload));
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
    if (!this.#closed) this.#wire.resume();
  }

  #self(): HandshakeSelf {
    const { endpointId, filter } = this.#options;
    // Who comes back before its former connection is known to be dead is welcome: the owner ends the former one.
    return { id: endpointId, filter, admit: () => true, connected: () => false };
  }

  #frame(frame: Uint8Array): void {
    const state = this.#handshake;
    if (this.#remoteId === undefined) {
      if (state) this.#step(continueHandshake(state, decodeHandshake(frame), this.#self()));
      return;
    }
    const envelope = decodeEnvelope(frame);
    const { kind, payload, receiver } = envelope;
    switch (kind) {
      case 'data':
        if (receiver === NIL_ENDPOINT || receiver === this.#options.endpointId)
          this.#handlers.onPayload(envelope.topic, payload);
        return;
      case 'routing-update': {
        const reader = new ByteReader(payload);
        const filter = readFilter(reader);
        reader.end();
        this.#handlers.onFilter(filter);
        return;
      }
      case 'ping':
        if (isFarewell(payload)) this.#peerLeaves = true;
        this.#handlers.onPing(new Uint8Array(payload));
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

  #step(step: HandshakeStep): void {
    this.#handshake = step.state;
    for (const message of step.send) this.#wire.write(encodeHandshake(message));
    if (step.state.at === 'failed') {
      const { code, message, refused } = step.state.failure;
      this.close(code, `${this.#options.peerName}: ${message}`, refused, 'flushed');
    } else if (step.state.at === 'peered') {
      const { remoteId, filter } = step.state;
      this.#deadline.clear();
      this.#handshake = undefined;
      this.#head = undefined;
      this.#remoteId = remoteId;
      this.#splitter.maxLength = this.#options.maxFrame;
      this.#handlers.onUp(remoteId, filter);
    }
  }

  #control(kind: Envelope['kind'], payload: Uint8Array): Uint8Array {
    const writer = new ByteWriter(64 + payload.length);
    writeEnvelope(writer, {
      sender: this.#options.endpointId,
      receiver: this.#remoteId ?? NIL_ENDPOINT,
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

/** A goodbye is a ping of this length that begins so. */
const FAREWELL = Buffer.from('BYE');
const FAREWELL_LENGTH = 11;

function isFarewell(payload: Uint8Array): boolean {
  return payload.length === FAREWELL_LENGTH && FAREWELL.equals(payload.subarray(0, FAREWELL.length));
}
