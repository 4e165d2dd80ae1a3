import { SendWindow } from '../broker/send-window.ts';
import type { ZeekLink } from './zeek-link.ts';

/** How far the messages of a host have been forwarded. */
export interface HostPosition {
  /** Number of the last message of this host that was taken on; 0 before the first. */
  last: number;
}

export interface OutflowOptions {
  readonly link: Pick<ZeekLink, 'send' | 'isOpen' | 'mark'>;
  readonly now: () => number;
  /** Calls back when messages have gathered for long enough. */
  readonly soon: (callback: () => void) => void;
  /** There is more waiting than should be, or no longer. */
  onCrowded(crowded: boolean): void;
}

/** Bytes of messages in one batch to Zeek. */
const BATCH_BYTES = 256 * 1024;
/** Bytes that wait from which hosts are held back, and below which they are let go on. */
const CROWDED = { from: 4 * 1024 * 1024, below: 1024 * 1024 };
/** Questions for confirmation that may be open at once. */
const MAX_MARKS = 16;

interface Waiting {
  readonly position: HostPosition;
  readonly topic: string;
  readonly messages: readonly Uint8Array[];
  readonly bytes: number;
  readonly number: number;
}

/** Messages of one topic that go out together. */
interface Batch {
  readonly topic: string;
  readonly messages: Uint8Array[];
  bytes: number;
}

/**
 * What goes from all hosts to the Zeek over one link: gathered into batches by topic, each host's messages in their
 * order, no more under way than the Zeek confirms in time. A host's ping is answered when the Zeek has confirmed what
 * the host sent before it. Nothing is kept: with the link all of it is gone, and the hosts send it again.
 */
export class Outflow {
  readonly #options: OutflowOptions;
  readonly #window = new SendWindow();
  readonly #pings: { readonly upTo: number; readonly answer: () => void }[] = [];
  readonly #marks = new Map<bigint, number>();
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #crowded = false;
  #offered = 0;
  #written = 0;
  #marked = 0;
  #confirmed = 0;
  #scheduled = false;
  #ended = false;

  constructor(options: OutflowOptions) {
    this.#options = options;
  }

  /** Bytes that wait for the link. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Bytes under way that Zeek has not confirmed. */
  get unconfirmedBytes(): number {
    return this.#window.unconfirmed;
  }

  /** Whether the Zeek has confirmed all messages up to the position. */
  isSettled({ last }: HostPosition): boolean {
    return last <= this.#confirmed;
  }

  /** Takes on messages of a host for a topic. The bytes must stay as they are. */
  offer(position: HostPosition, topic: string, messages: readonly Uint8Array[]): void {
    if (this.#ended || messages.length === 0) return;
    const bytes = messages.reduce((sum, message) => sum + message.length, 0);
    this.#offered += 1;
    position.last = this.#offered;
    this.#waiting.push({ position, topic, messages, bytes, number: this.#offered });
    this.#waitingBytes += bytes;
    if (this.#waitingBytes >= BATCH_BYTES) this.#flush();
    else this.#schedule();
    if (!this.#crowded && this.#waitingBytes >= CROWDED.from) this.#crowd(true);
  }

  /** Answers as soon as the Zeek has confirmed all that the host sent before. */
  ping(position: HostPosition, answer: () => void): void {
    if (this.#ended) return;
    if (this.isSettled(position)) {
      answer();
      return;
    }
    // Later than it need be by what others sent meanwhile; so answers are due in the order of the questions.
    this.#pings.push({ upTo: this.#offered, answer });
    this.#schedule();
  }

  /** The link takes more. */
  room(): void {
    this.#flush();
  }

  /** The Zeek has taken in all that was sent before this mark. */
  confirmed(token: bigint): void {
    const upTo = this.#marks.get(token);
    if (upTo === undefined || !this.#window.confirm(token, this.#options.now())) return;
    for (const known of this.#marks.keys()) if (known <= token) this.#marks.delete(known);
    this.#confirmed = Math.max(this.#confirmed, upTo);
    let answered = 0;
    for (const { upTo: needed, answer } of this.#pings) {
      if (needed > this.#confirmed) break;
      answered += 1;
      answer();
    }
    this.#pings.splice(0, answered);
    this.#flush();
  }

  /** The link is gone. */
  end(): void {
    this.#ended = true;
    this.#waiting = [];
    this.#pings.length = 0;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#options.soon(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#ended) return;
    while (this.#waiting.length > 0 && this.#mayWrite()) this.#writeSome();
    this.#markIfDue();
    if (this.#crowded && this.#waitingBytes < CROWDED.below) this.#crowd(false);
  }

  #mayWrite(): boolean {
    return this.#options.link.isOpen && this.#window.open;
  }

  /** Writes as much of what waits as fits a batch or two. */
  #writeSome(): void {
    const batches: Batch[] = [];
    const latest = new Map<string, number>();
    const reached = new Map<HostPosition, number>();
    const limit = Math.min(BATCH_BYTES, this.#window.size / 4);
    let bytes = 0;
    let taken = 0;
    for (const { position, topic, messages, bytes: size } of this.#waiting) {
      if (taken > 0 && bytes + size > limit) break;
      taken += 1;
      bytes += size;
      // Into the topic's last batch, unless the host has something in a later one: its order holds across topics.
      const at = latest.get(topic);
      let batch = at === undefined || at < (reached.get(position) ?? 0) ? undefined : batches[at];
      if (!batch) {
        batch = { topic, messages: [], bytes: 0 };
        latest.set(topic, batches.length);
        batches.push(batch);
      }
      reached.set(position, latest.get(topic) ?? 0);
      for (const message of messages) batch.messages.push(message);
      batch.bytes += size;
    }
    const written = this.#waiting.splice(0, taken);
    this.#waitingBytes -= bytes;
    this.#written = written.at(-1)?.number ?? this.#written;
    let isDue = false;
    for (const batch of batches) {
      if (this.#window.add(this.#options.link.send(batch.topic, batch.messages))) isDue = true;
    }
    // Not before all of them have gone: a mark speaks for everything written.
    if (isDue) this.#mark();
  }

  #markIfDue(): void {
    const wanted = this.#pings.at(-1)?.upTo ?? 0;
    if (wanted <= this.#marked || this.#written <= this.#marked) return;
    if (this.#marks.size < MAX_MARKS) this.#mark();
  }

  #mark(): void {
    const token = this.#window.mark(this.#options.now());
    this.#marks.set(token, this.#written);
    this.#marked = this.#written;
    this.#options.link.mark(token);
  }

  #crowd(crowded: boolean): void {
    this.#crowded = crowded;
    this.#options.onCrowded(crowded);
  }
}
