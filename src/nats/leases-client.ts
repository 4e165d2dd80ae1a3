import type { KV, NatsConnection } from 'nats';
import type { Clock } from '../broker/connection.ts';
import { reasonOf } from '../text/reason.ts';
import {
  type LeaseMember,
  type LeaseTable,
  NO_LEASES,
  nextTable,
  readLeaseTable,
  withoutGateway,
} from './lease-table.ts';

const KEY = 'leases';
/** Milliseconds between two looks at the table. */
const STEP = 1_000;
/** After so long without a beat a gateway counts as dead for the others. */
const EXPIRY = 8_000;
/** After so long without a beat that was written a gateway serves nobody: before others take its place. */
const VALID = 6_000;
/** Beats are written at least so often. */
const BEAT = 2_000;
/** How long the server may take for an answer. */
const PATIENCE = 2_000;
/** Attempts at a table that others change at the same time. */
const ATTEMPTS = 5;

export interface LeasesOptions {
  readonly client: NatsConnection;
  /** Name of the key-value bucket, which is made where it is missing. */
  readonly bucket: string;
  readonly replicas: number;
  readonly self: string;
  readonly member: Omit<LeaseMember, 'beat'>;
  readonly clock: Clock;
  /** A partition is ours from now on. */
  readonly onTaken: (partition: number, lease: number) => void;
  /** Resolves when nothing of the partition is under way any more; it is given back then. */
  readonly onRelease: (partition: number) => Promise<void>;
  /** A partition is no longer ours: another has it (`isTaken`), or the server could not be reached for too long. */
  readonly onLost: (partition: number, isTaken: boolean) => void;
  /** What hinders; empty: nothing any more. */
  readonly onTrouble: (trouble: string) => void;
}

/**
 * A gateway's share of the partitions. Whoever writes the table shows that it is alive; others take the place of one
 * that has not for {@link EXPIRY}, by their own clocks, and a gateway that can't write stops serving before that.
 */
export class Leases {
  readonly #options: LeasesOptions;
  readonly #serving = new Map<number, number>();
  readonly #draining = new Set<number>();
  readonly #givenBack = new Set<number>();
  /** The beats of the others, and when they were first seen. */
  readonly #beats = new Map<string, { readonly beat: number; readonly since: number }>();
  #kv: KV | undefined;
  #table: LeaseTable = NO_LEASES;
  #writtenAt = Number.NEGATIVE_INFINITY;
  #timer: unknown;
  #trouble = '';
  #ended = false;
  #isEnding = false;
  #stepping: Promise<void> = Promise.resolve();

  constructor(options: LeasesOptions) {
    this.#options = options;
  }

  /** The partitions that are ours, and their leases. */
  get serving(): ReadonlyMap<number, number> {
    return this.#serving;
  }

  /** Whether another gateway is there to take its share. */
  get hasOthers(): boolean {
    return Object.keys(this.#table.gateways).some((id) => id !== this.#options.self);
  }

  /** The table as it was last read. */
  get table(): LeaseTable {
    return this.#table;
  }

  /** Whether what is ours is certain to be. */
  get isValid(): boolean {
    return !this.#ended && this.#options.clock.now() - this.#writtenAt < VALID;
  }

  begin(): void {
    this.#stepping = this.#turn();
  }

  /** Gives everything back and leaves the table. */
  async end(): Promise<void> {
    if (this.#ended || this.#isEnding) return;
    this.#options.clock.clearTimeout(this.#timer);
    this.#isEnding = true;
    await this.#stepping;
    this.#options.clock.clearTimeout(this.#timer);
    await Promise.all([...this.#serving.keys()].map((partition) => this.#options.onRelease(partition)));
    this.#serving.clear();
    // Without a server the others see by themselves that we are gone.
    for (let attempt = 0; attempt < ATTEMPTS && this.isValid; attempt += 1) {
      if (await this.#leave().catch(() => false)) break;
    }
    this.#ended = true;
  }

  /** The connection to the server is gone for good, or the Zeek: nothing can be given back in order. */
  abandon(): void {
    this.#ended = true;
    this.#options.clock.clearTimeout(this.#timer);
    this.#serving.clear();
  }

  async #turn(): Promise<void> {
    const { clock } = this.#options;
    try {
      for (let attempt = 0; attempt < ATTEMPTS && !this.#ended && !this.#isEnding; attempt += 1) {
        if (await this.#step()) break;
      }
      this.#tell('');
    } catch (error) {
      this.#tell(reasonOf(error));
    }
    if (this.#ended || this.#isEnding) return;
    if (!this.isValid) for (const partition of [...this.#serving.keys()]) this.#lose(partition, false);
    this.#timer = clock.setTimeout(() => {
      this.#stepping = this.#turn();
    }, STEP);
  }

  /** @returns whether it is done; not where another has changed the table meanwhile */
  async #step(): Promise<boolean> {
    const { clock, self, member } = this.#options;
    const kv = await this.#open();
    const entry = await kv.get(KEY);
    if (this.#ended || this.#isEnding) return true;
    const isThere = entry !== null && entry.operation === 'PUT';
    const before = isThere ? readLeaseTable(entry.string()) : NO_LEASES;
    this.#table = before;
    const now = clock.now();
    const step = nextTable(before, {
      ...{ self, member, alive: this.#alive(before, now) },
      serving: this.#serving,
      givenBack: this.#givenBack,
    });
    for (const partition of step.lost) this.#lose(partition, true);
    for (const partition of step.release) this.#release(partition);
    const isDue = now - this.#writtenAt >= BEAT || step.taken.size > 0 || this.#givenBack.size > 0;
    if (!isDue) return true;
    const text = JSON.stringify(step.table);
    try {
      if (entry === null) await kv.create(KEY, text);
      else await kv.update(KEY, text, entry.revision);
    } catch (error) {
      if (/wrong last sequence/i.test(reasonOf(error))) return false;
      throw error;
    }
    // From when it was read on: others may have counted from then.
    this.#writtenAt = now;
    this.#table = step.table;
    if (this.#ended) return true;
    this.#givenBack.clear();
    for (const [partition, lease] of step.taken) {
      this.#serving.set(partition, lease);
      this.#options.onTaken(partition, lease);
    }
    return true;
  }

  #alive({ gateways }: LeaseTable, now: number): ReadonlySet<string> {
    for (const id of this.#beats.keys()) if (!(id in gateways)) this.#beats.delete(id);
    for (const [id, { beat }] of Object.entries(gateways)) {
      if (this.#beats.get(id)?.beat !== beat) this.#beats.set(id, { beat, since: now });
    }
    return new Set([...this.#beats].flatMap(([id, { since }]) => (now - since < EXPIRY ? [id] : [])));
  }

  #release(partition: number): void {
    if (this.#draining.has(partition)) return;
    this.#draining.add(partition);
    void this.#options.onRelease(partition).then(() => {
      this.#draining.delete(partition);
      if (this.#serving.delete(partition)) this.#givenBack.add(partition);
    });
  }

  #lose(partition: number, isTaken: boolean): void {
    if (this.#serving.delete(partition)) this.#options.onLost(partition, isTaken);
  }

  async #leave(): Promise<boolean> {
    const kv = await this.#open();
    const entry = await kv.get(KEY);
    if (entry === null || entry.operation !== 'PUT') return true;
    const table = withoutGateway(readLeaseTable(entry.string()), this.#options.self);
    await kv.update(KEY, JSON.stringify(table), entry.revision);
    return true;
  }

  async #open(): Promise<KV> {
    const { client, bucket, replicas } = this.#options;
    this.#kv ??= await client.jetstream({ timeout: PATIENCE }).views.kv(bucket, {
      history: 1,
      replicas,
      timeout: PATIENCE,
      description: 'which gateway serves which hosts',
    });
    return this.#kv;
  }

  #tell(trouble: string): void {
    if (trouble === this.#trouble || this.#ended) return;
    this.#trouble = trouble;
    this.#options.onTrouble(trouble);
  }
}
