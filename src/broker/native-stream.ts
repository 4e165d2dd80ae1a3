import { CodecError } from './codec-error.ts';
import type { Closed } from './connection.ts';
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
import type { Wire } from './wire.ts';

/** Bound on the frames of a handshake: filters of thousands of topics fit. */
const MAX_HANDSHAKE_FRAME = 1024 * 1024;

export interface NativeStreamOptions {
  readonly side: 'connecting' | 'accepting';
  readonly self: HandshakeSelf;
  /** Bound on frames in bytes, once the handshake is through. */
  readonly maxFrame: number;
  /** How the other side is named in messages. */
  readonly peerName: string;
}

/** What a stream tells its session. */
export interface NativeStreamHandlers {
  /** Whether nothing is to be handed on any more. */
  isClosed(): boolean;
  /** The handshake is complete, in which our filter was `announced`. */
  onPeered(remoteId: string, filter: readonly string[], announced: readonly string[] | undefined): void;
  /** A frame came after that. @throws CodecError if the stream can't be understood any further */
  onFrame(frame: Uint8Array): void;
  /** The stream is of no more use; what was written is to go out first where it is `flushed`. */
  onBroken(closed: Closed, how: 'now' | 'flushed'): void;
}

/** Where a stream is: who spoke first, and how far the handshake is. */
type StreamPhase =
  | { readonly at: 'handshake'; readonly head: FirstBytes; readonly state: HandshakeState | undefined }
  | { readonly at: 'frames' };

/** The bytes that come on a native connection: first a handshake, which it holds, then frames. */
export class NativeStream {
  readonly #wire: Wire;
  readonly #options: NativeStreamOptions;
  readonly #handlers: NativeStreamHandlers;
  readonly #splitter = new FrameSplitter(MAX_HANDSHAKE_FRAME);
  #phase: StreamPhase = { at: 'handshake', head: new FirstBytes(), state: undefined };
  #announced: readonly string[] | undefined;

  constructor(wire: Wire, options: NativeStreamOptions, handlers: NativeStreamHandlers) {
    this.#wire = wire;
    this.#options = options;
    this.#handlers = handlers;
  }

  /** Whether the peer has sent anything. */
  get hasSpoken(): boolean {
    return this.#phase.at === 'frames' || this.#phase.head.some;
  }

  /** Begins the handshake. */
  start(): void {
    this.#step(startHandshake(this.#options.side, this.#options.self));
  }

  /** Bytes came from the peer. */
  receive(chunk: Uint8Array): void {
    const { peerName } = this.#options;
    const foreign = this.#phase.at === 'handshake' ? this.#phase.head.take(chunk) : undefined;
    if (foreign) {
      const message = `${peerName} ${foreign.problem}`;
      this.#handlers.onBroken({ code: foreign.code, message, refused: false }, 'now');
      return;
    }
    try {
      this.#splitter.push(chunk, (frame) => {
        if (!this.#handlers.isClosed()) this.#frame(frame);
      });
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      if (!this.#handlers.isClosed()) this.#broken(error);
    }
  }

  #frame(frame: Uint8Array): void {
    if (this.#phase.at === 'frames') this.#handlers.onFrame(frame);
    else if (this.#phase.state) {
      this.#step(continueHandshake(this.#phase.state, decodeHandshake(frame), this.#options.self));
    }
  }

  #step({ state, send }: HandshakeStep): void {
    if (this.#phase.at === 'frames') return;
    this.#phase = { ...this.#phase, state };
    for (const message of send) {
      if ('filter' in message) this.#announced = message.filter;
      this.#wire.write(encodeHandshake(message));
    }
    if (state.at === 'failed') {
      const { code, message, refused } = state.failure;
      this.#handlers.onBroken({ code, message: `${this.#options.peerName}: ${message}`, refused }, 'flushed');
    } else if (state.at === 'peered') {
      this.#phase = { at: 'frames' };
      this.#splitter.maxLength = this.#options.maxFrame;
      this.#handlers.onPeered(state.remoteId, state.filter, this.#announced);
    }
  }

  /** The bytes can't be understood any further. */
  #broken(error: CodecError): void {
    const { self, peerName } = this.#options;
    if (this.#phase.at === 'handshake') {
      const code = error.code === 'bad-magic' ? DROP_CODE.wrongMagicNumber : DROP_CODE.invalidMessage;
      this.#wire.write(encodeHandshake({ type: 'drop-conn', id: self.id, code, reason: error.message }));
    }
    const code = error.code === 'frame-too-large' ? 'frame-too-large' : 'protocol';
    const message = `${peerName}: ${error.message} (${error.code})`;
    this.#handlers.onBroken({ code, message, refused: false }, 'flushed');
  }
}
