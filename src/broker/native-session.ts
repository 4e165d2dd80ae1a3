import { CodecError } from './codec-error.ts';
import type { ConnectedPeers } from './connected-peers.ts';
import type { Transport } from './connection.ts';
import type { Carrier, ConnectionLifecycle } from './connection-lifecycle.ts';
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

/** Bound on the frames of a handshake: filters of thousands of topics fit. */
const MAX_HANDSHAKE_FRAME = 1024 * 1024;

export interface SessionOptions {
  readonly side: 'connecting' | 'accepting';
  /** Our endpoint id, a UUID of version 4 in lower case. */
  readonly endpointId: string;
  readonly peers: ConnectedPeers;
  readonly transport: Transport;
  readonly authenticated: boolean;
  /** Bound on frames in bytes. */
  readonly maxFrame: number;
}

/**
 * One native Broker connection above its byte stream: handshake, envelopes, pings, back-pressure, goodbye.
 * Whoever owns the stream feeds {@link receive}, {@link drained} and {@link ended}.
 */
export class NativeSession {
  readonly life: ConnectionLifecycle;
  readonly #options: SessionOptions;
  readonly #wire: Wire;
  readonly #splitter = new FrameSplitter(MAX_HANDSHAKE_FRAME);
  readonly #head = new FirstBytes();
  readonly #self: HandshakeSelf;
  /** The filter that the peer was told in the handshake. */
  #announced: readonly string[] | undefined;
  #handshake: HandshakeState | undefined;
  #peering: NativePeering | undefined;

  constructor(wire: Wire, options: SessionOptions, life: ConnectionLifecycle) {
    this.#wire = wire;
    this.#options = options;
    this.life = life;
    this.#self = {
      id: options.endpointId,
      get filter() {
        return life.filter;
      },
      admit: (remoteId, role) => options.peers.admit(remoteId, role, this),
      connected: (remoteId) => options.peers.hasOther(remoteId, this),
    };
    life.carry(this.#carrier());
  }

  /** Begins the handshake, which has `timeout` milliseconds. */
  start(timeout: number): void {
    const { peerName } = this.life;
    this.life.expect(timeout, () => {
      const spoke = this.#head.some ? 'did not complete the handshake' : 'sent nothing';
      this.life.close('handshake-timeout', `${peerName} ${spoke} within ${timeout} ms`);
    });
    this.life.comes('handshaking');
    if (!this.life.isClosed) this.#step(startHandshake(this.#options.side, this.#self));
  }

  /** Bytes came from the peer. */
  receive(chunk: Uint8Array): void {
    const life = this.life;
    if (life.isClosed) return;
    const foreign = this.#head.take(chunk);
    if (foreign) {
      life.close(foreign.code, `${life.peerName} ${foreign.problem}`);
      return;
    }
    this.#peering?.heard();
    try {
      this.#splitter.push(chunk, (frame) => {
        if (!life.isClosed) this.#frame(frame);
      });
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      if (!life.isClosed) this.#broken(error);
    }
  }

  /** The stream takes bytes again. */
  drained(): void {
    if (this.life.isClosed) return;
    this.#peering?.heard();
    this.#wire.resume();
    this.#peering?.drained();
  }

  /** The peer has closed its side, or the stream has failed for this reason. */
  ended(failure = 'it closed the connection'): void {
    const life = this.life;
    const { peerName } = life;
    switch (life.at) {
      case 'leaving':
        life.close('left', `disconnected from ${peerName}`);
        return;
      case 'peer-leaving':
        life.close('goodbye', `${peerName} disconnected (clean shutdown)`);
        return;
      case 'up':
        life.close('reset', `${peerName} disconnected unexpectedly: ${failure}`);
        return;
      default:
        life.close('reset', `${peerName} disconnected ${this.#whileComing(failure)}`);
    }
  }

  #whileComing(failure: string): string {
    const { side, transport } = this.#options;
    if (this.#head.some) return `during the handshake: ${failure}`;
    const silent = `before sending anything: ${failure}`;
    if (side === 'accepting') return silent;
    return transport === 'tcp'
      ? `${silent}; it may require TLS (brokers://), or not be a Zeek`
      : `${silent}; it may reject our certificate (see its log), or not be a Zeek`;
  }

  #carrier(peering?: NativePeering): Carrier {
    return {
      end: (error, how) => {
        this.#options.peers.release(this);
        peering?.fail(error);
        if (how === 'flushed') this.#wire.end();
        else this.#wire.destroy();
      },
      ...(peering && {
        subscribe: (filter) => peering.subscribe(filter),
        goodbye: () => peering.sayFarewell(),
      }),
    };
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
      this.life.close(code, `${this.life.peerName}: ${message}`, refused, 'flushed');
    } else if (step.state.at === 'peered') {
      this.#up(step.state.remoteId, step.state.filter);
    }
  }

  #up(remoteId: string, filter: readonly string[]): void {
    const life = this.life;
    const { peers, maxFrame, transport, authenticated, endpointId } = this.#options;
    const { clock, timings, peerName, handlers } = life;
    if (!peers.peered(remoteId, this)) {
      life.close('redundant', `superseded by another connection to ${peerName}`);
      return;
    }
    this.#splitter.maxLength = maxFrame;
    const peering = new NativePeering(
      this.#wire,
      {
        endpointId,
        remoteId,
        filter: life.filter,
        remoteFilter: filter,
        maxFrame,
        timings,
        clock,
        peerName,
      },
      {
        onEvent: (topic, event) => handlers.onEvent(topic, event),
        onFilter: (topics) => handlers.onFilter(topics),
        onSuspect: (suspect) => handlers.onSuspect(suspect),
        onProblem: (problem) => life.problem(problem),
        onFarewell: () => life.peerLeaves(() => this.ended()),
        onFarewellAnswered: () => life.close('left', `disconnected from ${peerName}`, false, 'flushed'),
        onLost: (problem) => life.close('unresponsive', problem),
      },
    );
    this.#peering = peering;
    if (life.filter !== this.#announced) peering.subscribe(life.filter);
    life.up(this.#carrier(peering), peering, {
      ...{ incarnation: remoteId, filter, transport, authenticated },
      ...{ version: '', confirms: true },
    });
  }

  /** The stream can't be understood any further. */
  #broken(error: CodecError): void {
    const { peerName } = this.life;
    if (!this.#peering) {
      const code = error.code === 'bad-magic' ? DROP_CODE.wrongMagicNumber : DROP_CODE.invalidMessage;
      const { endpointId: id } = this.#options;
      this.#wire.write(encodeHandshake({ type: 'drop-conn', id, code, reason: error.message }));
    }
    const code = error.code === 'frame-too-large' ? 'frame-too-large' : 'protocol';
    this.life.close(code, `${peerName}: ${error.message} (${error.code})`, false, 'flushed');
  }
}
