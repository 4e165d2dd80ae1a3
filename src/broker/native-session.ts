import type { ConnectedPeers } from './connected-peers.ts';
import type { Transport } from './connection.ts';
import type { Carrier, ConnectionLifecycle } from './connection-lifecycle.ts';
import { NativePeering } from './native-peering.ts';
import { NativeStream } from './native-stream.ts';
import type { Wire } from './wire.ts';

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
  readonly lifecycle: ConnectionLifecycle;
  readonly #options: SessionOptions;
  readonly #wire: Wire;
  readonly #stream: NativeStream;
  #peering: NativePeering | undefined;

  constructor(wire: Wire, options: SessionOptions, lifecycle: ConnectionLifecycle) {
    this.#wire = wire;
    this.#options = options;
    this.lifecycle = lifecycle;
    const { side, endpointId: id, peers, maxFrame } = options;
    this.#stream = new NativeStream(
      wire,
      {
        ...{ side, maxFrame, peerName: lifecycle.peerName },
        self: {
          id,
          get filter() {
            return lifecycle.filter;
          },
          admit: (remoteId, role) => peers.admit(remoteId, role, this),
          connected: (remoteId) => peers.hasOther(remoteId, this),
        },
      },
      {
        isClosed: () => lifecycle.isClosed,
        onPeered: (...peer) => this.#up(...peer),
        onFrame: (frame) => this.#peering?.receive(frame),
        onBroken: ({ code, message, refused }, how) => lifecycle.close(code, message, refused, how),
      },
    );
    lifecycle.setCarrier(this.#carrier());
  }

  /** Begins the handshake, which has `timeout` milliseconds. */
  start(timeout: number): void {
    const { peerName } = this.lifecycle;
    this.lifecycle.setDeadline(timeout, () => {
      const spoke = this.#stream.hasSpoken ? 'did not complete the handshake' : 'sent nothing';
      this.lifecycle.close('handshake-timeout', `${peerName} ${spoke} within ${timeout} ms`);
    });
    this.lifecycle.enterPhase('handshaking');
    if (!this.lifecycle.isClosed) this.#stream.start();
  }

  /** Bytes came from the peer. */
  receive(chunk: Uint8Array): void {
    if (this.lifecycle.isClosed) return;
    this.#peering?.heard();
    this.#stream.receive(chunk);
  }

  /** The stream takes bytes again. */
  drained(): void {
    if (this.lifecycle.isClosed) return;
    this.#peering?.heard();
    this.#wire.resume();
    this.#peering?.drained();
  }

  /** The peer has closed its side, or the stream has failed for this reason. */
  ended(failure = 'it closed the connection'): void {
    const lifecycle = this.lifecycle;
    const { peerName } = lifecycle;
    switch (lifecycle.at) {
      case 'leaving':
        lifecycle.close('left', `disconnected from ${peerName}`);
        return;
      case 'peer-leaving':
        lifecycle.close('goodbye', `${peerName} disconnected (clean shutdown)`);
        return;
      case 'up':
        lifecycle.close('reset', `${peerName} disconnected unexpectedly: ${failure}`);
        return;
      default:
        lifecycle.close('reset', `${peerName} disconnected ${this.#whileComing(failure)}`);
    }
  }

  #whileComing(failure: string): string {
    const { side, transport } = this.#options;
    if (this.#stream.hasSpoken) return `during the handshake: ${failure}`;
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

  #up(remoteId: string, filter: readonly string[], announced: readonly string[] | undefined): void {
    const lifecycle = this.lifecycle;
    const { peers, maxFrame, transport, authenticated, endpointId } = this.#options;
    const { clock, timings, peerName, handlers } = lifecycle;
    if (!peers.peered(remoteId, this)) {
      lifecycle.close('redundant', `superseded by another connection to ${peerName}`);
      return;
    }
    const peering = new NativePeering(
      this.#wire,
      {
        endpointId,
        remoteId,
        filter: lifecycle.filter,
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
        onProblem: (problem) => lifecycle.problem(problem),
        onFarewell: () => lifecycle.peerLeaves(() => this.ended()),
        onFarewellAnswered: () => lifecycle.close('left', `disconnected from ${peerName}`, false, 'flushed'),
        onLost: (problem) => lifecycle.close('unresponsive', problem),
      },
    );
    this.#peering = peering;
    if (lifecycle.filter !== announced) peering.subscribe(lifecycle.filter);
    lifecycle.up(this.#carrier(peering), peering, {
      ...{ incarnation: remoteId, filter, transport, authenticated },
      ...{ version: '', confirms: true },
    });
  }
}
