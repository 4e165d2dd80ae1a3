import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { CodecError } from './codec-error.ts';
import type { Clock, ConnectionError, OnLeftOut } from './connection.ts';
import type { Refusals } from './refusals.ts';
import { SendQueue } from './send-queue.ts';
import { SendWindow } from './send-window.ts';
import type { ZeekEvent } from './zeek-event.ts';

/** Size of a batch's frame where the window allows it. */
const BATCH_TARGET = 256 * 1024;
/** Topics without a subscriber, and kinds of events left out, that are reported. */
const MAX_REPORTED = 100;

/** Makes what goes over the wire of events, see EventFrames. */
export interface FrameSource {
  /** A frame with some of the events from index `from` on, about `target` bytes. @throws CodecError */
  next(
    topic: string,
    events: readonly ZeekEvent[],
    from: number,
    target: number,
  ): { readonly frame: Uint8Array; readonly next: number };
}

export interface OutboundOptions {
  readonly frames: FrameSource;
  readonly clock: Clock;
  readonly peerName: string;
  /** Whether the peer has subscribed to the topic. */
  wants(topic: string): boolean;
  /** False: no more until {@link Outbound.drained}. */
  write(frame: Uint8Array): boolean;
  /** The same for a ping, whose payload comes back by {@link Outbound.pong}. */
  writePing(payload: Uint8Array): boolean;
  onProblem(problem: string): void;
  /** Where the peer tells what it refuses: told of each event that is sent. */
  readonly refusals?: Refusals | undefined;
}

/** What goes out on a connection that is up, in order, and how much of it at a time. */
export class Outbound {
  readonly #options: OutboundOptions;
  readonly #queue: SendQueue;
  readonly #window = new SendWindow();
  readonly #unheard = new Set<string>();
  readonly #leftOut = new Set<string>();
  #blocked = false;
  #failed: ConnectionError | undefined;
  #room: PromiseWithResolvers<void> | undefined;

  constructor(options: OutboundOptions) {
    this.#options = options;
    this.#queue = new SendQueue(options.peerName);
  }

  /** Whether the stream takes no more at the moment. */
  get blocked(): boolean {
    return this.#blocked;
  }

  /**
   * See Connection. Resolves when there is room for more. An event that the transport has no form for is left out and
   * told: were it an error of the call, whoever sends again what was not confirmed would never get past it.
   */
  send(topic: string, events: readonly ZeekEvent[], onLeftOut?: OnLeftOut): Promise<void> {
    return this.#enqueue(async () => {
      // As Broker does: what the peer has not subscribed to is not sent.
      if (!this.#options.wants(topic)) {
        this.#nobodyListens(topic);
        for (const index of events.keys()) onLeftOut?.(index, 'unheard');
        return;
      }
      for (let next = 0; next < events.length; ) {
        await this.#waitForRoom();
        const target = Math.min(BATCH_TARGET, this.#window.size / 4);
        const from = next;
        const made = this.#make(topic, events, from, target);
        next = made.next;
        if (made.frame === undefined) {
          onLeftOut?.(from, 'unsendable');
          continue;
        }
        this.#watchForRefusals(events, from, next, onLeftOut);
        this.writeNow(made.frame);
        if (this.#window.add(made.frame.length)) this.#mark();
      }
      await this.#waitForRoom();
    });
  }

  /** See Connection. */
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

  /** Pings the peer unless an answer is awaited already. */
  probe(): void {
    if (this.#window.outstanding === 0) this.#mark();
  }

  /** A pong arrived; those that answer none of our markers are ignored. */
  pong(payload: Uint8Array): void {
    if (payload.length !== 8) return;
    this.#window.confirm(new ByteReader(payload).u64(), this.#options.clock.now());
    this.#makeRoom();
  }

  /** Writes a frame at once, before what waits. */
  writeNow(frame: Uint8Array): void {
    if (!this.#failed && !this.#options.write(frame)) this.#blocked = true;
  }

  /** The peer's subscriptions have changed. */
  subscribed(): void {
    this.#unheard.clear();
  }

  /** The stream takes bytes again. */
  drained(): void {
    this.#blocked = false;
    this.#makeRoom();
  }

  /** The connection has closed: all that waits is rejected. */
  fail(error: ConnectionError): void {
    this.#failed = error;
    this.#window.fail(error);
    this.#room?.reject(error);
  }

  #enqueue(task: () => Promise<void>): Promise<void> {
    if (this.#failed) return Promise.reject(this.#failed);
    return this.#queue.run(async () => {
      if (this.#failed) throw this.#failed;
      await task();
    });
  }

  async #waitForRoom(): Promise<void> {
    while (this.#blocked || !this.#window.open) {
      if (this.#failed) throw this.#failed;
      this.#room ??= Promise.withResolvers<void>();
      await this.#room.promise;
    }
  }

  #makeRoom(): void {
    if (this.#blocked || !this.#window.open) return;
    this.#room?.resolve();
    this.#room = undefined;
  }

  #watchForRefusals(
    events: readonly ZeekEvent[],
    from: number,
    to: number,
    onLeftOut: OnLeftOut | undefined,
  ): void {
    const { refusals } = this.#options;
    if (!refusals) return;
    for (let index = from; index < to; index += 1) {
      const name = events[index]?.name ?? '';
      if (refusals.isFenceDue(name)) this.#mark();
      refusals.sent(name, onLeftOut && (() => onLeftOut(index, 'refused')));
    }
  }

  #mark(): void {
    const token = this.#window.mark(this.#options.clock.now());
    const payload = new ByteWriter(8).u64(token).take();
    if (!this.#failed && !this.#options.writePing(payload)) this.#blocked = true;
  }

  /** The next frame; none where the event at `from` can't be in one. */
  #make(
    topic: string,
    events: readonly ZeekEvent[],
    from: number,
    target: number,
  ): { readonly frame: Uint8Array | undefined; readonly next: number } {
    try {
      return this.#options.frames.next(topic, events, from, target);
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      // Which of a batch it is shows one by one.
      if (target > 0) return this.#make(topic, events, from, 0);
      this.#leaveOut(events[from]?.name ?? '', error);
      return { frame: undefined, next: from + 1 };
    }
  }

  #leaveOut(event: string, error: CodecError): void {
    if (this.#leftOut.size >= MAX_REPORTED || this.#leftOut.has(event)) return;
    this.#leftOut.add(event);
    const problem = `event ${event} can't be sent: ${error.message} (${error.code})`;
    this.#options.onProblem(`${problem}; dropped, as will be others of its kind`);
  }

  #nobodyListens(topic: string): void {
    if (this.#unheard.size >= MAX_REPORTED || this.#unheard.has(topic)) return;
    this.#unheard.add(topic);
    this.#options.onProblem(`does not subscribe to a prefix of ${topic}: events on that topic are not sent`);
  }
}
