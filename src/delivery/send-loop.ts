import { ByteWriter } from '../broker/byte-writer.ts';
import type { Gap } from '../vocabulary/model.ts';
import { Acknowledgements } from './acknowledgements.ts';
import { Batch, type SentRow } from './batch.ts';
import type { RowCounter } from './delivery-counts.ts';
import { InFlight } from './in-flight.ts';
import type { CourierLimits, CourierPorts, Deliverable, Link } from './ports.ts';
import type { Load, RowLoader } from './row-loader.ts';
import type { QueryResult, ScannedEntry } from './scanned-entry.ts';
import { faster, type SendPace } from './send-pace.ts';
import { Signal } from './signal.ts';

/** What a loop asks of the sender that it is for. */
export interface SendLoopHost {
  readonly peer: string;
  readonly ports: CourierPorts;
  readonly limits: CourierLimits;
  readonly loader: RowLoader;
  /** All rows below have been counted. */
  readonly counted: number;
  /** The number of the next row to look at; it may be moved on whenever the thread is yielded. */
  position: number;
  /** The first counted entry that holds a number of at least the position. */
  next(): Promise<ScannedEntry | undefined>;
  counter(name: string): RowCounter | undefined;
  /** The gap to report to the Bro now, if any. */
  takeGap(): Gap | undefined;
  /** The gap was reported, or could not be. */
  gapReported(said: boolean): void;
  /** All rows below the number are settled. */
  settled(below: number): void;
  /** The Bro has not answered for the rows of this run. */
  sendAgain(run: number): void;
  /** The link has failed. */
  failed(error: unknown): void;
}

/** Rows or entries that are passed over before the thread is yielded. */
const YIELD_AFTER = 200;

/** Of the buffer for rows: it grows to what a batch takes, and what a huge row took is given back. */
const INITIAL_BYTES = 1024;
const KEPT_BYTES = 512 * 1024;

/** The connection's own log line has the sizes. */
const UNSENDABLE =
  'a row is larger than one message of this connection may be (frame_bytes of the host, or the payload limit of its NATS server): select fewer columns, or substr() of the large one';

const REFUSED =
  "Zeek refused it: its scripts have no event of that name with these parameters; compare the types of the event's parameters with the query's columns";

/**
 * What happens between a sender and one link to its Bro: rows go out in batches, no more than a window unconfirmed, and
 * the Bro's confirmation settles them. It ends with the link; what was not confirmed then is left to the next one.
 */
export class SendLoop {
  readonly link: Link;
  readonly #host: SendLoopHost;
  /** Slower than it was where rows did not arrive; as fast as the limits allow once they do. */
  #pace: SendPace;
  readonly #signal = new Signal();
  readonly #acknowledgements = new Acknowledgements();
  readonly #sent = new InFlight();
  /** The queries whose columns this Bro has been told. */
  readonly #named = new WeakSet<Deliverable>();
  /** What of the open batch is written already. */
  readonly #bytes = new ByteWriter(INITIAL_BYTES);
  /** Rows handed to the transport since the last question, by name of their query. */
  #unasked = new Map<string, number>();
  /** While a batch is being handed to the transport. */
  #handing: Promise<void> | undefined;
  #open = new Batch();
  #confirming = false;
  /** When rows went out last. */
  #sentAt = Number.NEGATIVE_INFINITY;
  #endPause: (() => void) | undefined;
  #steps = 0;
  #ended = false;

  constructor(link: Link, host: SendLoopHost, pace: SendPace) {
    this.link = link;
    this.#host = host;
    this.#pace = pace;
  }

  get pace(): SendPace {
    return this.#pace;
  }

  /** Rows sent and not confirmed. */
  get inFlight(): number {
    return this.#sent.rows;
  }

  /** Whether all that was taken on is settled. */
  get isIdle(): boolean {
    return this.#sent.rows === 0 && this.#open.isEmpty;
  }

  start(): void {
    this.#run().catch((error: unknown) => this.#fail(error));
  }

  /** @returns what was taken on and is not settled */
  end(): readonly Batch[] {
    this.#ended = true;
    this.#signal.raise();
    this.#endPause?.();
    this.#acknowledgements.end();
    return [...this.#sent.batches, this.#open];
  }

  /** There may be something to do. */
  wake(): void {
    this.#signal.raise();
  }

  /** The Bro's scripts have handled all rows up to and with the number. */
  acknowledge(sequence: number): void {
    this.#pace = faster(this.#pace, this.#host.limits);
    this.#settle(sequence);
    this.#acknowledgements.record(sequence);
  }

  /** Counts what was passed over since the last batch, or leaves that to the batch before it. */
  settlePassed(): void {
    if (!this.#open.isEmpty) return;
    const passed = this.#open;
    this.#open = new Batch();
    passed.upTo = this.#host.position;
    const last = this.#sent.batches.at(-1);
    if (last) {
      last.absorb(passed);
      return;
    }
    passed.settle();
    this.#host.settled(passed.upTo);
  }

  #fail(error: unknown): void {
    if (!this.#ended) this.#host.failed(error);
  }

  async #run(): Promise<void> {
    const host = this.#host;
    if (this.#pace.run > 0) await this.#beginRun(this.#pace);
    while (!this.#ended) {
      await this.#takeGap();
      if (this.#ended) return;
      const { counted } = host;
      const scanned = await host.next();
      if (this.#ended) return;
      if (scanned) {
        await this.#deliver(scanned);
        continue;
      }
      host.position = Math.max(host.position, counted);
      // With nothing on its way what there is goes at once; else it gathers until the Bro confirms.
      if (!this.#open.isEmpty && !this.#confirming) await this.#flush();
      else {
        this.settlePassed();
        await this.#signal.rest();
        await this.#gather();
        await host.ports.yieldControl();
      }
    }
  }

  /**
   * Where rows went out a moment ago, lets others come: each message and its confirmation cost what a hundred rows cost.
   */
  async #gather(): Promise<void> {
    const { limits, ports } = this.#host;
    const wait = Math.min(limits.gatherTime, this.#sentAt + limits.gatherTime - ports.now());
    if (this.#ended || !(wait > 0)) return;
    await this.#wait(wait);
  }

  async #beginRun({ run, pause }: SendPace): Promise<void> {
    const { peer, ports } = this.#host;
    await this.#wait(pause);
    const beginning = this.#ended ? undefined : ports.beginning(peer, run);
    if (beginning) await this.link.send(beginning.topic, [beginning.event]);
  }

  /** Resolves after so many milliseconds, or when the loop ends. */
  async #wait(milliseconds: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#host.ports.after(milliseconds, resolve);
      this.#endPause = () => {
        cancel();
        resolve();
      };
    });
    this.#endPause = undefined;
  }

  /** Like a row, a gap counts as reported once the Bro has confirmed it. */
  async #takeGap(): Promise<void> {
    const gap = this.#host.takeGap();
    if (!gap) return;
    const said = await this.#host.ports.notifyGap(this.#host.peer, gap);
    if (said) await this.link.confirm();
    if (!this.#ended) this.#host.gapReported(said);
  }

  async #deliver({ entry, results }: ScannedEntry): Promise<void> {
    const host = this.#host;
    const asEvent = entry.kind === 'event';
    for (const result of results) {
      const counter = host.counter(result.name);
      if (counter?.peer !== host.peer) continue;
      const load = host.loader.prepare(result, counter, asEvent);
      const naming = load && this.#nameColumns(load);
      if (naming) await naming;
      if (this.#ended) return;
      // An event has one number in all the queries that it satisfies, so all of them are loaded in one go.
      if (asEvent) {
        if (host.position > result.first) break;
        if (load) host.loader.load(this.#open, this.#bytes, load, 0);
        else this.#open.skip(counter, 'ended', 1, result.first);
      } else if (load) await this.#deliverRows(load);
      else this.#skipRest(result, counter, 'ended');
      if (this.#ended) return;
    }
    host.position = Math.max(host.position, entry.next);
    this.settlePassed();
    if (this.#isFull()) await this.#flush();
    const turn = this.#maybeYield();
    if (turn) await turn;
  }

  /** Once over this link, before the query's first row. */
  #nameColumns({ deliverable }: Load): Promise<void> | undefined {
    if (this.#named.has(deliverable)) return undefined;
    const names = this.#host.ports.columnNames?.(deliverable);
    if (!names) return undefined;
    this.#named.add(deliverable);
    return this.link.send(names.topic, [names.event]);
  }

  async #deliverRows(load: Load): Promise<void> {
    const host = this.#host;
    const { result, counter } = load;
    const limit = host.ports.rowsPerResult(host.peer);
    // Rows may be given up, and the position moved on, whenever the thread is yielded.
    for (;;) {
      const index = Math.max(0, host.position - result.first);
      if (index >= result.item.rowCount) return;
      if (index >= limit) {
        const rows = this.#skipRest(result, counter, 'limit');
        host.ports.report({ type: 'result-cut', peer: host.peer, name: result.name, rows, limit });
        return;
      }
      host.loader.load(this.#open, this.#bytes, load, index);
      host.position = result.first + index + 1;
      if (this.#isFull()) {
        await this.#flush();
      } else {
        const turn = this.#maybeYield();
        if (turn) await turn;
      }
      if (this.#ended) return;
    }
  }

  /** Yields the thread now and then. */
  #maybeYield(): Promise<void> | undefined {
    this.#steps += 1;
    return this.#steps % YIELD_AFTER === 0 ? this.#host.ports.yieldControl() : undefined;
  }

  #isFull(): boolean {
    const { batchRows, batchBytes } = this.#host.limits;
    return this.#open.rows >= batchRows || this.#open.bytes >= batchBytes;
  }

  #skipRest(result: QueryResult, counter: RowCounter, reason: string): number {
    const end = result.first + result.item.rowCount;
    const rows = end - Math.max(result.first, this.#host.position);
    if (rows <= 0) return 0;
    this.#open.skip(counter, reason, rows, end - 1);
    this.#host.position = end;
    return rows;
  }

  /** Sends the open batch; waits while the link or the Bro takes no more. Then yields the thread. */
  async #flush(): Promise<void> {
    const batch = this.#open;
    if (batch.isEmpty) return;
    this.#open = new Batch();
    batch.upTo = this.#host.position;
    this.#sentAt = this.#host.ports.now();
    batch.bookSent();
    this.#sent.add(batch);
    const handing = this.#hand(batch);
    this.#handing = handing;
    await handing;
    this.#handing = undefined;
    if (this.#ended) return;
    if (!this.#confirming) {
      this.#confirming = true;
      this.#confirm().catch((error: unknown) => this.#fail(error));
    }
    const { windowBytes } = this.#host.limits;
    while (!this.#ended && (this.#sent.rows >= this.#pace.windowRows || this.#sent.bytes >= windowBytes)) {
      await this.#signal.rest();
    }
    await this.#host.ports.yieldControl();
  }

  async #hand(batch: Batch): Promise<void> {
    const { loader } = this.#host;
    for (const { topic, events, rows } of batch.takeGroups()) {
      for (const row of rows) this.#countUnasked(row, 1);
      await this.link.send(topic, events, (index, why) => {
        const row = rows[index];
        if (!row) return;
        batch.leaveOut(row, why);
        this.#countUnasked(row, -1);
        if (why === 'unsendable') loader.report('row-problem', row.counter.name, UNSENDABLE);
        if (why === 'refused') loader.report('row-problem', row.counter.name, REFUSED);
      });
      if (this.#ended) return;
    }
    this.#bytes.reset(KEPT_BYTES);
    batch.handed = true;
  }

  #countUnasked({ counter: { name } }: SentRow, rows: number): void {
    this.#unasked.set(name, (this.#unasked.get(name) ?? 0) + rows);
  }

  /** Rows since the last question by their query's cookie. */
  #byCookie(): ReadonlyMap<string, number> {
    const rows = new Map<string, number>();
    for (const [name, sent] of this.#unasked) {
      const cookie = this.#host.ports.lookup(name)?.query.cookie;
      if (cookie !== undefined) rows.set(cookie, (rows.get(cookie) ?? 0) + sent);
    }
    return rows;
  }

  /** Asks for confirmation until nothing that was sent lacks it, one question at a time. */
  async #confirm(): Promise<void> {
    const { peer, ports, limits } = this.#host;
    const acknowledgements = this.#acknowledgements;
    for (;;) {
      // The question speaks for all rows that go before it.
      while (this.#handing) await this.#handing;
      const upTo = this.#sent.lastHanded;
      if (upTo === undefined || this.#ended) break;
      const { run } = this.#pace;
      const asked = acknowledgements.silent
        ? undefined
        : ports.marker(peer, { run, upTo, rows: this.#byCookie() });
      if (asked) {
        this.#unasked = new Map();
        await this.link.send(asked.topic, [asked.event]);
      }
      await this.link.confirm();
      if (asked && !(await acknowledgements.reach(upTo, limits.acknowledgeGrace, ports)) && !this.#ended) {
        if (ports.beginning(peer, run)) {
          // Who counts has lost the question, or the answer: the transport does not know whether rows, too.
          this.#host.sendAgain(run);
          return;
        }
        ports.report({ type: 'acknowledgements-missing', peer });
      }
      if (this.#ended) return;
      this.#settle(upTo);
    }
    this.#confirming = false;
    this.#signal.raise();
  }

  #settle(upTo: number): void {
    const below = this.#sent.settle(upTo);
    if (below === undefined) return;
    this.#host.settled(below);
    this.settlePassed();
    this.#signal.raise();
  }
}
