import type { Closed, Connection, ConnectionHandlers, Remote } from '../broker/connection.ts';
import type { TopicEvent, ZeekEvent } from '../broker/zeek-event.ts';
import type { Declaration, Host, Query, RepeatedQuery, Request } from '../vocabulary/model.ts';
import { queryDigest } from '../vocabulary/query-digest.ts';
import { isRowProblem } from '../vocabulary/row-values.ts';
import type { Vocabularies } from '../vocabulary/vocabularies.ts';
import { type PackageEvents, packageEvents } from '../vocabulary/zeek-package.ts';
import { type Answered, answering } from './answered-query.ts';
import type { Tally } from './tally.ts';

/** What simulated hosts share. */
export interface Surroundings {
  readonly vocabularies: Vocabularies;
  readonly tally: Tally;
  readonly dial: (host: Host, filter: readonly string[], handlers: ConnectionHandlers) => Connection;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** 0 to 1, without 1. */
  readonly chance: () => number;
  readonly uuid: () => string;
  /** Runs it after so many milliseconds, unless the fleet has ended. */
  readonly after: (milliseconds: number, callback: () => void) => void;
}

/** A row that waits for its confirmation: it can be invented again from this. */
interface Pending {
  readonly number: number;
  readonly createdAt: number;
  readonly query: Answered;
  sent: boolean;
}

/** Rows that go out together, as in the extension. */
const BATCH_ROWS = 500;
/** Rows that a host keeps while nobody takes them. */
const MAX_PENDING = 10_000;
/** How long a Zeek with the package may take to acknowledge before the transport's word counts, as in the extension. */
const ACKNOWLEDGE_GRACE = 30_000;
/** Milliseconds between attempts, as the extension has them. */
const BACK_OFF = { base: 1_000, most: 60_000 };
/** Rows that a one-time query gets. */
const EXECUTION_ROWS = 5;

/**
 * A host that is not there: it says over a real connection what the extension would, answers requests as it would, and
 * has rows invented for what it is asked. Rows are numbered, sent again until they are confirmed, and never dropped.
 */
export class SimulatedHost {
  readonly #around: Surroundings;
  readonly #package: PackageEvents;
  readonly #queries = new Map<string, Answered>();
  #host: Host;
  #connection: Connection | undefined;
  #remote: Remote | undefined;
  #connectionId = '';
  #hasPackage = false;
  #pending: Pending[] = [];
  #nextNumber = 1;
  #nextQuery = 0;
  #pumping: Connection | undefined;
  #acknowledged = 0;
  #onAcknowledge: (() => void) | undefined;
  #failures = 0;
  #wasUp = false;
  #gone = false;

  constructor(host: Host, around: Surroundings) {
    this.#host = host;
    this.#around = around;
    this.#package = packageEvents(around.vocabularies.prefix('zeek-osquery'));
  }

  get isUp(): boolean {
    return this.#remote !== undefined;
  }

  get pending(): number {
    return this.#pending.length;
  }

  connect(): void {
    if (this.#gone || this.#connection) return;
    const { vocabularies, dial, tally } = this.#around;
    const connection: Connection = dial(this.#host, vocabularies.filter(this.#host), {
      onPhase: () => {},
      onUp: (remote) => this.#up(connection, remote),
      onEvent: (topic, event) => this.#hear(topic, event),
      onFilter: (filter) => {
        if (this.#remote) this.#remote = { ...this.#remote, filter };
      },
      onSuspect: () => {},
      onProblem: (problem) => tally.problem(problem),
      onClosed: (closed) => this.#down(closed),
    });
    this.#connection = connection;
  }

  /** So many new rows for what the host is asked; none where it is asked nothing, or has too many already. */
  produce(rows: number): void {
    if (this.#queries.size === 0) return;
    const queries = [...this.#queries.values()];
    for (let row = 0; row < rows; row += 1) {
      const query = queries[this.#nextQuery % queries.length];
      this.#nextQuery += 1;
      if (query) this.#add(query);
    }
    void this.#pump();
  }

  /** What vocabularies say again and again. */
  hello(): void {
    const { vocabularies, now } = this.#around;
    if (!this.#remote || this.#remote.filter === undefined) return;
    const occasion = { at: now(), connectionId: this.#connectionId, zeekVersion: this.#remote.version };
    for (const vocabulary of vocabularies.all) {
      if (vocabulary.helloInterval === undefined) continue;
      for (const message of vocabulary.announcement(this.#host, occasion)) {
        if (this.#isHeard(message.topic)) this.#say(message);
      }
    }
  }

  /** Ends the connection without a word; the host comes back. */
  cut(): void {
    this.#connection?.destroy();
  }

  /** Ends the connection in good order; the host comes back unless it is `forGood`. */
  async leave(forGood: boolean): Promise<void> {
    this.#gone = this.#gone || forGood;
    const connection = this.#connection;
    if (!connection) return;
    if (this.#remote && forGood) {
      const occasion = { at: this.#around.now(), connectionId: this.#connectionId };
      if (this.#hasPackage) this.#say(this.#package.farewell(this.#host));
      for (const vocabulary of this.#around.vocabularies.all) {
        for (const message of vocabulary.farewell(this.#host, occasion)) {
          if (this.#isHeard(message.topic)) this.#say(message);
        }
      }
    }
    await connection.leave();
  }

  #up(connection: Connection, remote: Remote): void {
    const { vocabularies, now, uuid, tally } = this.#around;
    tally.cameUp(!this.#wasUp);
    this.#wasUp = true;
    this.#remote = remote;
    this.#failures = 0;
    this.#hasPackage = false;
    this.#acknowledged = 0;
    this.#connectionId = uuid();
    const occasion = { at: now(), connectionId: this.#connectionId, zeekVersion: remote.version };
    for (const { message } of vocabularies.announcements(this.#host, occasion, remote.filter)) {
      this.#say(message);
    }
    if (this.#connection === connection) void this.#pump();
  }

  #down(closed: Closed): void {
    const { tally, chance, after } = this.#around;
    tally.wentDown(closed.code, this.#remote !== undefined);
    if (this.#remote === undefined) this.#failures += 1;
    this.#remote = undefined;
    this.#connection = undefined;
    this.#onAcknowledge?.();
    if (this.#gone) return;
    const longest = closed.refused
      ? BACK_OFF.most
      : Math.min(BACK_OFF.most, BACK_OFF.base * 2 ** Math.max(0, this.#failures - 1));
    after(longest * (0.5 + chance() / 2), () => this.connect());
  }

  #hear(topic: string, event: ZeekEvent): void {
    const decoded = this.#around.vocabularies.decode(topic, event, this.#host);
    if (!decoded) return;
    const { tally } = this.#around;
    tally.requests += 1;
    if (decoded.outcome === 'malformed') {
      tally.malformed += 1;
      tally.problem(decoded.problem);
      return;
    }
    if (decoded.outcome === 'request') this.#perform(decoded.request);
    else if (decoded.statement.type === 'declare') this.#answerDeclaration(decoded.statement);
    else {
      this.#acknowledged = Math.max(this.#acknowledged, decoded.statement.sequence);
      this.#onAcknowledge?.();
    }
  }

  #perform(request: Request): void {
    switch (request.type) {
      case 'subscribe':
        this.#subscribe(request.query);
        return;
      case 'execute':
        this.#execute(request.query);
        return;
      case 'unsubscribe':
        for (const [key, query] of this.#queries) if (query.isMeantBy(request)) this.#queries.delete(key);
        return;
      case 'desiredQueries':
        for (const [key, { query }] of this.#queries)
          if (query.vocabulary === request.vocabulary) this.#queries.delete(key);
        for (const query of request.queries) this.#subscribe(query);
        return;
      case 'join':
        this.#regroup([...new Set([...this.#host.groups, request.group])]);
        return;
      case 'leave':
        this.#regroup(this.#host.groups.filter((group) => group !== request.group));
        return;
      case 'farewell':
        for (const [key, { query }] of this.#queries)
          if (query.zeekInstance === request.zeekInstance) this.#queries.delete(key);
        return;
      case 'greet':
        return;
      default:
        request satisfies never;
    }
  }

  #subscribe(query: RepeatedQuery): void {
    const answered = answering(query, this.#host, this.#around.vocabularies);
    if (answered && !this.#queries.has(answered.key)) this.#queries.set(answered.key, answered);
  }

  #execute(query: Query): void {
    const answered = answering(query, this.#host, this.#around.vocabularies);
    if (!answered) return;
    for (let row = 0; row < EXECUTION_ROWS; row += 1) this.#add(answered);
    void this.#pump();
  }

  #add(query: Answered): void {
    if (this.#pending.length >= MAX_PENDING) return;
    this.#pending.push({ number: this.#nextNumber, createdAt: this.#around.now(), query, sent: false });
    this.#nextNumber += 1;
    this.#around.tally.created += 1;
  }

  #answerDeclaration({ vocabulary, zeekInstance }: Declaration): void {
    if (!this.#hasPackage) {
      this.#hasPackage = true;
      this.#say(this.#package.details(this.#host));
    }
    const held: RepeatedQuery[] = [];
    for (const { query } of this.#queries.values())
      if (query.vocabulary === vocabulary && 'interval' in query) held.push(query);
    this.#say(this.#package.queriesHeld(this.#host, zeekInstance, queryDigest(held)));
  }

  #regroup(groups: readonly string[]): void {
    this.#host = { ...this.#host, groups };
    const { vocabularies, now } = this.#around;
    this.#connection?.subscribe(vocabularies.filter(this.#host));
    if (!this.#remote) return;
    const occasion = { at: now(), connectionId: this.#connectionId, zeekVersion: this.#remote.version };
    for (const { message } of vocabularies.announcements(this.#host, occasion, this.#remote.filter)) {
      this.#say(message);
    }
    if (this.#hasPackage) this.#say(this.#package.details(this.#host));
  }

  #isHeard(topic: string): boolean {
    return this.#remote?.filter?.some((prefix) => topic.startsWith(prefix)) ?? true;
  }

  #say(message: TopicEvent): void {
    this.#connection?.send(message.topic, [message.event]).catch(() => {});
  }

  /** Sends what waits, a batch at a time, each confirmed before the next; ends with the connection. */
  async #pump(): Promise<void> {
    const connection = this.#connection;
    if (!connection || !this.#remote || this.#pumping === connection) return;
    this.#pumping = connection;
    try {
      while (this.#pending.length > 0 && this.#connection === connection) {
        const batch = this.#pending.slice(0, BATCH_ROWS);
        const last = batch.at(-1)?.number ?? 0;
        await this.#send(connection, batch);
        // The Zeek may tell of its package while this batch is under way.
        const isMarked = this.#hasPackage;
        if (isMarked) {
          const marker = this.#package.rowsSent(this.#host, last);
          await connection.send(marker.topic, [marker.event]);
        }
        await connection.confirm();
        if (isMarked) await this.#acknowledgement(connection, last);
        if (this.#connection === connection) this.#settle(batch.length);
      }
    } catch {
      // The connection is gone: what was not confirmed goes out on the next one.
    } finally {
      if (this.#pumping === connection) this.#pumping = undefined;
    }
  }

  async #send(connection: Connection, batch: readonly Pending[]): Promise<void> {
    const { tally } = this.#around;
    let topic: string | undefined;
    let events: ZeekEvent[] = [];
    const flush = async () => {
      if (topic === undefined) return;
      await connection.send(topic, events, () => {
        tally.leftOut += 1;
      });
      events = [];
    };
    for (const row of batch) {
      const message = row.query.encode(row.number, Math.floor(row.createdAt / 1000));
      if (isRowProblem(message)) continue;
      if (message.topic !== topic) await flush();
      topic = message.topic;
      events.push(message.event);
      tally.sent += 1;
      if (row.sent) tally.resent += 1;
      row.sent = true;
    }
    await flush();
  }

  #settle(rows: number): void {
    const { tally, now } = this.#around;
    const at = now();
    for (const { createdAt } of this.#pending.splice(0, rows)) {
      tally.confirmed += 1;
      tally.lag.add(at - createdAt);
    }
  }

  async #acknowledgement(connection: Connection, upTo: number): Promise<void> {
    let late = false;
    this.#around.after(ACKNOWLEDGE_GRACE, () => {
      late = true;
      this.#onAcknowledge?.();
    });
    while (this.#acknowledged < upTo && !late && this.#connection === connection) {
      await new Promise<void>((resolve) => {
        this.#onAcknowledge = resolve;
      });
    }
    this.#onAcknowledge = undefined;
    if (late && this.#acknowledged < upTo) this.#around.tally.problem('acknowledgements are missing');
  }
}
