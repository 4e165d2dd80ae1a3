import { connect as netConnect } from 'node:net';
import { formatHostAndPort, type NativeSecurity } from '../broker/address.ts';
import { ByteReader } from '../broker/byte-reader.ts';
import { ByteWriter } from '../broker/byte-writer.ts';
import { type Clock, type Closed, DEFAULT_TIMINGS, type Timings } from '../broker/connection.ts';
import { Deadline } from '../broker/deadline.ts';
import { dialFailure } from '../broker/dial-failure.ts';
import { wireOf } from '../broker/native-wire-connection.ts';
import { dataFrame, RelaySession } from '../broker/relay-session.ts';
import { secure } from '../broker/securing-connection.ts';
import type { SecurityMemory } from '../broker/security-memory.ts';
import { SilenceWatch } from '../broker/silence-watch.ts';
import { batchStart } from '../broker/skimmed-message.ts';
import { systemClock } from '../broker/system-clock.ts';
import type { TlsSettings } from '../broker/tls.ts';
import type { ZeekLink, ZeekLinkHandlers } from './zeek-link.ts';

export interface ZeekDialOptions {
  /** This gateway's Broker endpoint id. */
  readonly endpointId: string;
  readonly filter: readonly string[];
  readonly tls: TlsSettings;
  readonly maxFrame: number;
  readonly memory: SecurityMemory;
  readonly timings?: Partial<Timings>;
  readonly clock?: Clock;
}

export interface NativeZeekAddress {
  readonly host: string;
  readonly port: number;
  readonly security: NativeSecurity;
}

/**
 * Connects to a Zeek by Broker's own protocol; messages are framed as they are. Never throws: whatever fails comes as
 * `onClosed`.
 */
export function linkNativeZeek(
  address: NativeZeekAddress,
  options: ZeekDialOptions,
  handlers: ZeekLinkHandlers,
): ZeekLink {
  const link = new NativeZeekLink(address, options, handlers);
  queueMicrotask(() => link.dial());
  return link;
}

class NativeZeekLink implements ZeekLink {
  readonly #address: NativeZeekAddress;
  readonly #options: ZeekDialOptions;
  readonly #handlers: ZeekLinkHandlers;
  readonly #clock: Clock;
  readonly #timings: Timings;
  readonly #peerName: string;
  readonly #deadline: Deadline;
  #session: RelaySession | undefined;
  #watch: SilenceWatch | undefined;
  #isBlocked = false;
  #isLeaving = false;
  #closed: Closed | undefined;
  #destroy: () => void = () => {};
  #finished = Promise.withResolvers<void>();

  constructor(address: NativeZeekAddress, options: ZeekDialOptions, handlers: ZeekLinkHandlers) {
    this.#address = address;
    this.#options = options;
    this.#handlers = handlers;
    this.#clock = options.clock ?? systemClock;
    this.#timings = { ...DEFAULT_TIMINGS, ...options.timings };
    this.#deadline = new Deadline(this.#clock);
    this.#peerName = formatHostAndPort(address.host, address.port);
  }

  get isOpen(): boolean {
    return !this.#isBlocked && this.#session?.isUp === true;
  }

  dial(): void {
    if (this.#closed) return;
    const { host, port } = this.#address;
    const started = this.#clock.now();
    const socket = netConnect({ host, port, noDelay: true });
    this.#destroy = () => socket.destroy();
    this.#deadline.set(this.#timings.connect + this.#timings.handshake, () =>
      this.#fail({
        code: 'connect-timeout',
        message: `${this.#peerName} did not answer in time`,
        refused: false,
      }),
    );
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (!this.#session) this.#fail({ refused: false, ...dialFailure(error, host, this.#peerName) });
    });
    socket.once('connect', () => {
      socket.setKeepAlive(true, 60_000);
      void secure(socket, this.#clock.now() - started, {
        ...{ side: 'connecting', peerName: this.#peerName, security: this.#address.security },
        ...{ tls: this.#options.tls, memory: this.#options.memory, clock: this.#clock },
        wallClock: Date.now,
        onSecuring: () => {},
        isClosed: () => this.#closed !== undefined,
      }).then((secured) => {
        if (!secured || this.#closed) return;
        if ('code' in secured) this.#fail(secured);
        else this.#begin(secured.socket, secured.transport);
      });
    });
  }

  send(topic: string, messages: readonly Uint8Array[]): number {
    const parts = messages.length > 1 ? [batchStart(messages.length), ...messages] : messages;
    const frame = dataFrame(this.#options.endpointId, topic, ...parts);
    this.#write(frame);
    return frame.length;
  }

  mark(token: bigint): void {
    if (this.#session && !this.#session.ping(new ByteWriter(8).u64(token).take())) this.#isBlocked = true;
  }

  leave(): Promise<void> {
    this.#isLeaving = true;
    this.#deadline.set(this.#timings.leave, () => this.#end('left', `left ${this.#peerName}`));
    if (this.#session?.isUp) this.#session.ping(FAREWELL);
    else this.destroy();
    return this.#finished.promise;
  }

  destroy(): void {
    this.#end('left', `closed the connection to ${this.#peerName}`);
  }

  #begin(socket: Parameters<typeof wireOf>[0], transport: 'tcp' | 'tls' | 'tls-anonymous' | string): void {
    const { endpointId, filter, maxFrame, memory } = this.#options;
    const session = new RelaySession(
      wireOf(socket, this.#clock),
      { side: 'connecting', endpointId, filter, maxFrame, clock: this.#clock, peerName: this.#peerName },
      {
        onUp: (incarnation, remoteFilter) => {
          this.#deadline.clear();
          memory.remember(this.#peerName, transport === 'tcp' ? 'plain' : 'tls');
          this.#beginWatch();
          this.#handlers.onUp({
            ...{ incarnation, filter: remoteFilter, version: '', confirms: true },
            transport: transport as 'tcp',
          });
        },
        onPayload: (topic, payload) => this.#handlers.onPayload(topic, payload),
        onFilter: (topics) => this.#handlers.onFilter(topics),
        onPing: (pong) => session.write(pong),
        onPong: (payload) => this.#pong(payload),
        onDrained: () => {
          this.#isBlocked = false;
          this.#handlers.onRoom();
        },
        onClosed: (closed) => this.#fail(this.#isLeaving ? { ...closed, code: 'left' } : closed),
      },
    );
    this.#session = session;
    socket.on('error', (error) => session.ended(error.message));
    socket.on('drain', () => session.drained());
    socket.on('end', () => session.ended());
    socket.on('close', () => session.ended());
    session.start(this.#timings.handshake);
    socket.on('data', (chunk: Buffer) => {
      this.#watch?.heard();
      session.receive(chunk);
    });
    socket.resume();
  }

  #beginWatch(): void {
    this.#watch = new SilenceWatch(this.#clock, this.#timings, {
      onIdle: () => this.mark(0n),
      onSuspect: () => {},
      onLost: (silence) =>
        this.#end('unresponsive', `${this.#peerName} sent nothing for ${Math.round(silence)} ms`),
    });
  }

  #pong(payload: Uint8Array): void {
    if (this.#isLeaving && FAREWELL.equals(payload)) this.#end('left', `left ${this.#peerName}`);
    else if (payload.length === 8) this.#handlers.onConfirmed(new ByteReader(payload).u64());
  }

  #write(frame: Uint8Array): void {
    if (this.#session && !this.#session.write(frame)) this.#isBlocked = true;
  }

  #end(code: Closed['code'], message: string): void {
    if (this.#session) this.#session.close(code, message);
    else this.#fail({ code, message, refused: false });
  }

  #fail(closed: Closed): void {
    if (this.#closed) return;
    this.#closed = closed;
    this.#deadline.clear();
    this.#watch?.stop();
    if (closed.code === 'tls-mismatch' || closed.code === 'reset')
      this.#options.memory.forget(this.#peerName);
    this.#destroy();
    this.#handlers.onClosed(closed);
    this.#finished.resolve();
  }
}

/** An orderly goodbye, as Broker says it. */
const FAREWELL = Buffer.concat([Buffer.from('BYE'), Buffer.alloc(8)]);
