import type { Closed, Connection, ConnectionHandlers, Remote } from '../broker/connection.ts';
import type { TopicEvent, ZeekEvent } from '../broker/zeek-event.ts';
import { type Conversation, type ConversationInput, openConversation } from '../conversation/conversation.ts';
import { converse } from '../conversation/converse.ts';
import { heard } from '../conversation/heard.ts';
import { acknowledgementRequest, runBeginning } from '../conversation/messages.ts';
import { isConsoleQuery } from '../vocabulary/console-query.ts';
import type { Host, Notice, Query, RepeatedQuery, Request, SentRows } from '../vocabulary/model.ts';
import { isRowProblem } from '../vocabulary/row-values.ts';
import type { Vocabularies } from '../vocabulary/vocabularies.ts';
import { cookieOfRow, countsRows } from '../vocabulary/zeek-package.ts';
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
  /** What a host does with one-time queries. */
  readonly oneTimeQueries: (host: Host) => 'answers' | 'refuses' | 'ignores';
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
/** As few after rows were dropped on their way; and milliseconds until they are sent again, on average. */
const FEWEST_ROWS = 10;
const RESEND_PAUSE = 1_000;
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
  readonly #queries = new Map<string, Answered>();
  #host: Host;
  #connection: Connection | undefined;
  /** While the connection is up. */
  #conversation: Conversation | undefined;
  #pending: Pending[] = [];
  #nextNumber = 1;
  #nextQuery = 0;
  #pumping: Connection | undefined;
  #acknowledged = 0;
  /** Rows are confirmed by a stream, and nobody else is asked. */
  #keepsRows = false;
  /** How often rows were sent anew over this connection, and whether those of this run did not all arrive. */
  #run = 0;
  #isMissing = false;
  /** Fewer after rows were missing. */
  #batchRows = BATCH_ROWS;
  #onAcknowledge: (() => void) | undefined;
  #failures = 0;
  #wasUp = false;
  #gone = false;

  constructor(host: Host, around: Surroundings) {
    this.#host = host;
    this.#around = around;
  }

  get isUp(): boolean {
    return this.#conversation !== undefined;
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
      onFilter: (filter) => this.#converse({ type: 'filter-changed', at: this.#around.now(), filter }),
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
    this.#converse({ type: 'hello-due', at: this.#around.now() });
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
    if (forGood) this.#converse({ type: 'leaving', at: this.#around.now() });
    await connection.leave();
  }

  #up(connection: Connection, remote: Remote): void {
    const { now, uuid, tally } = this.#around;
    tally.cameUp(!this.#wasUp);
    this.#wasUp = true;
    this.#failures = 0;
    this.#acknowledged = 0;
    this.#keepsRows = remote.keepsRows === true;
    this.#run = 0;
    this.#batchRows = BATCH_ROWS;
    const { filter = null, version: zeekVersion } = remote;
    this.#conversation = openConversation({ connectionId: uuid(), host: this.#host, filter, zeekVersion });
    this.#converse({ type: 'connected', at: now() });
    if (this.#connection === connection) void this.#pump();
  }

  #down(closed: Closed): void {
    const { tally, chance, after } = this.#around;
    tally.wentDown(closed.code, this.isUp);
    if (!this.isUp) this.#failures += 1;
    this.#conversation = undefined;
    this.#connection = undefined;
    this.#onAcknowledge?.();
    if (this.#gone) return;
    const longest = closed.refused
      ? BACK_OFF.most
      : Math.min(BACK_OFF.most, BACK_OFF.base * 2 ** Math.max(0, this.#failures - 1));
    after(longest * (0.5 + chance() / 2), () => this.connect());
  }

  #hear(topic: string, event: ZeekEvent): void {
    const { vocabularies, tally, now } = this.#around;
    const decoded = vocabularies.decode(topic, event, this.#host);
    if (!decoded) return;
    tally.requests += 1;
    if (decoded.outcome === 'malformed') tally.malformed += 1;
    this.#converse(heard(decoded, now(), () => this.#held()));
  }

  #held(): readonly RepeatedQuery[] {
    return [...this.#queries.values()].flatMap(({ query }) => ('interval' in query ? [query] : []));
  }

  /** Nothing is said or heard while the connection is not up. */
  #converse(input: ConversationInput): void {
    if (!this.#conversation) return;
    const { vocabularies, tally } = this.#around;
    const step = converse(this.#conversation, input, vocabularies);
    this.#conversation = step.conversation;
    for (const message of step.say) this.#say(message);
    for (const problem of step.problems) tally.problem(problem);
    for (const receipt of step.acknowledgements) {
      if (receipt.type === 'acknowledge') this.#acknowledged = Math.max(this.#acknowledged, receipt.sequence);
      else if (receipt.run === this.#run) this.#isMissing = true;
      this.#onAcknowledge?.();
    }
    for (const { request } of step.requests) this.#perform(request);
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
    const conduct = this.#around.oneTimeQueries(this.#host);
    if (conduct === 'ignores') return;
    if (conduct === 'refuses') {
      this.#tell({ level: 'error', text: 'this simulated host refuses one-time queries', query });
      return;
    }
    const answered = answering(query, this.#host, this.#around.vocabularies);
    if (!answered) return;
    for (let row = 0; row < EXECUTION_ROWS; row += 1) this.#add(answered);
    void this.#pump();
    if (isConsoleQuery(query)) {
      this.#tell({ level: 'log', text: 'answered', query, rows: EXECUTION_ROWS });
    }
  }

  #tell(notice: Notice): void {
    this.#converse({ type: 'notice', at: this.#around.now(), notice });
  }

  #add(query: Answered): void {
    if (this.#pending.length >= MAX_PENDING) return;
    this.#pending.push({ number: this.#nextNumber, createdAt: this.#around.now(), query, sent: false });
    this.#nextNumber += 1;
    this.#around.tally.created += 1;
  }

  #regroup(groups: readonly string[]): void {
    this.#host = { ...this.#host, groups };
    this.#connection?.subscribe(this.#around.vocabularies.filter(this.#host));
    this.#converse({ type: 'host-changed', at: this.#around.now(), host: this.#host });
  }

  #say(message: TopicEvent): void {
    this.#connection?.send(message.topic, [message.event]).catch(() => {});
  }

  /** Sends what waits, a batch at a time, each confirmed before the next; ends with the connection. */
  async #pump(): Promise<void> {
    const connection = this.#connection;
    if (!connection || !this.isUp || this.#pumping === connection) return;
    this.#pumping = connection;
    try {
      while (this.#pending.length > 0 && this.#connection === connection) {
        const batch = this.#pending.slice(0, this.#batchRows);
        const upTo = batch.at(-1)?.number ?? 0;
        const rows = await this.#send(connection, batch);
        // The Zeek may tell of its package while this batch is under way.
        const marker = this.#marker({ run: this.#run, upTo, rows });
        if (marker) await connection.send(marker.topic, [marker.event]);
        await connection.confirm();
        const isThere = !marker || (await this.#acknowledgement(connection, upTo));
        if (this.#connection !== connection) return;
        if (isThere) this.#settle(batch.length);
        else await this.#beginAgain(connection);
      }
    } catch {
      // The connection is gone: what was not confirmed goes out on the next one.
    } finally {
      if (this.#pumping === connection) this.#pumping = undefined;
    }
  }

  #marker(sent: SentRows): TopicEvent | undefined {
    if (this.#keepsRows) return undefined;
    return this.#conversation && acknowledgementRequest(this.#conversation, sent, this.#around.vocabularies);
  }

  /** Rows did not arrive: they go out again, fewer at a time, after a pause. */
  async #beginAgain(connection: Connection): Promise<void> {
    const { after, chance, vocabularies } = this.#around;
    this.#run += 1;
    this.#isMissing = false;
    this.#batchRows = Math.max(FEWEST_ROWS, Math.floor(this.#batchRows / 2));
    await new Promise<void>((resolve) => after(RESEND_PAUSE * (0.5 + chance()), resolve));
    const begin = this.#conversation && runBeginning(this.#conversation, this.#run, vocabularies);
    if (begin && this.#connection === connection) await connection.send(begin.topic, [begin.event]);
  }

  /** @returns how many rows were sent, by cookie */
  async #send(connection: Connection, batch: readonly Pending[]): Promise<ReadonlyMap<string, number>> {
    const { tally } = this.#around;
    const sent = new Map<string, number>();
    const count = (event: ZeekEvent, rows: number) => {
      const cookie = cookieOfRow(event);
      if (cookie !== undefined) sent.set(cookie, (sent.get(cookie) ?? 0) + rows);
    };
    let topic: string | undefined;
    let events: ZeekEvent[] = [];
    const flush = async () => {
      if (topic === undefined) return;
      const these = events;
      await connection.send(topic, these, (index) => {
        tally.leftOut += 1;
        const event = these[index];
        if (event) count(event, -1);
      });
      events = [];
    };
    for (const row of batch) {
      const message = row.query.encode(row.number, Math.floor(row.createdAt / 1000));
      if (isRowProblem(message)) continue;
      if (message.topic !== topic) await flush();
      topic = message.topic;
      events.push(message.event);
      count(message.event, 1);
      tally.sent += 1;
      if (row.sent) tally.resent += 1;
      row.sent = true;
    }
    await flush();
    return sent;
  }

  #settle(rows: number): void {
    const { tally, now } = this.#around;
    this.#batchRows = Math.min(BATCH_ROWS, this.#batchRows * 2);
    const at = now();
    for (const { createdAt } of this.#pending.splice(0, rows)) {
      tally.confirmed += 1;
      tally.lag.add(at - createdAt);
    }
  }

  /** @returns whether the rows are there, as far as is known */
  async #acknowledgement(connection: Connection, upTo: number): Promise<boolean> {
    let late = false;
    this.#around.after(ACKNOWLEDGE_GRACE, () => {
      late = true;
      this.#onAcknowledge?.();
    });
    while (this.#acknowledged < upTo && !late && !this.#isMissing && this.#connection === connection) {
      await new Promise<void>((resolve) => {
        this.#onAcknowledge = resolve;
      });
    }
    this.#onAcknowledge = undefined;
    if (this.#acknowledged >= upTo) return true;
    if (this.#isMissing || countsRows(this.#conversation?.packageVersion ?? '')) return false;
    if (late) this.#around.tally.problem('acknowledgements are missing');
    return true;
  }
}
