import type { Logger } from 'pino';
import type { Connection, Remote } from '../broker/connection.ts';
import type { TopicEvent, ZeekEvent } from '../broker/zeek-event.ts';
import { reasonOf } from '../text/reason.ts';
import type {
  Audience,
  Column,
  Gap,
  Host,
  Notice,
  Query,
  Receipt,
  RepeatedQuery,
  Request,
  SentRows,
} from '../vocabulary/model.ts';
import type { Vocabularies, VocabularyOptions } from '../vocabulary/vocabularies.ts';
import type { BroLink } from './bro-links.ts';
import {
  type Conversation,
  type ConversationInput,
  type ConversationStep,
  openConversation,
} from './conversation.ts';
import { converse } from './converse.ts';
import { heard } from './heard.ts';
import { acknowledgementRequest, columnNamesMessage, runBeginning } from './messages.ts';
import { type ConversationRecord, changedBy, effectsOf } from './record.ts';

/** What a conversation needs of the rest. */
export interface ConversationParts {
  /** The Zeek's scripts have handled rows, or miss some. */
  readonly receive: (peer: string, receipt: Receipt) => void;
  /** What the Zeek has subscribed, in the order it asked. */
  readonly subscribed: (peer: string) => readonly RepeatedQuery[];
  readonly vocabularies: () => Vocabularies;
  /** What they were made of. */
  readonly vocabularyOptions: () => VocabularyOptions;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** A random UUID of version 4. */
  readonly uuid: () => string;
  readonly log: Pick<Logger, 'debug'>;
  /** Told of each step, for a trace. */
  readonly record?: ((record: ConversationRecord) => void) | undefined;
}

export interface ConversationOptions {
  readonly peer: string;
  readonly connection: Connection;
  readonly remote: Pick<Remote, 'filter' | 'version' | 'keepsRows'>;
  readonly host: Host;
  readonly onRequest: (request: Request, audience: Audience) => void;
  readonly onProblem: (problem: string) => void;
}

/** Connects one conversation with the runtime: hands it what is heard, and does what follows from it. */
export class ConversationLink implements BroLink {
  readonly peer: string;
  readonly connection: Connection;
  readonly #parts: ConversationParts;
  readonly #options: ConversationOptions;
  readonly #vocabularies: Vocabularies;
  /** How the conversation began; undefined once that is recorded. */
  #begins: { readonly from: Conversation; readonly vocabularies: VocabularyOptions } | undefined;
  #conversation: Conversation;

  constructor(parts: ConversationParts, options: ConversationOptions) {
    const { peer, connection, remote, host } = options;
    this.#parts = parts;
    this.#options = options;
    this.peer = peer;
    this.connection = connection;
    this.#vocabularies = parts.vocabularies();
    this.#conversation = openConversation({
      connectionId: parts.uuid(),
      host,
      filter: remote.filter ?? null,
      zeekVersion: remote.version,
    });
    this.#begins = { from: this.#conversation, vocabularies: parts.vocabularyOptions() };
  }

  packageVersion = () => this.#conversation.packageVersion;
  vocabulariesSpoken = () => this.#conversation.spoken;

  /** Introduces the host. */
  begin(): void {
    void this.#take({ type: 'connected', at: this.#now() });
  }

  /** What the Zeek sent: a request, a statement, something malformed, or nothing of ours. */
  hear(topic: string, event: ZeekEvent): void {
    const decoded = this.#vocabularies.decode(topic, event, this.#conversation.host);
    if (!decoded) return;
    const held = () => this.#parts.subscribed(this.peer);
    void this.#take(heard(decoded, this.#now(), held));
  }

  filterChanged(filter: readonly string[]): void {
    void this.#take({ type: 'filter-changed', at: this.#now(), filter });
  }

  hostChanged(host: Host): void {
    void this.#take({ type: 'host-changed', at: this.#now(), host });
  }

  helloDue(): void {
    void this.#take({ type: 'hello-due', at: this.#now() });
  }

  async tell(notice: Notice): Promise<void> {
    await this.#take({ type: 'notice', at: this.#now(), notice });
  }

  async tellGap(gap: Gap): Promise<boolean> {
    const asked = this.#parts.subscribed(this.peer).at(-1)?.vocabulary ?? null;
    const { say } = this.#step({ type: 'gap', at: this.#now(), gap, asked });
    await Promise.all(say.map(({ topic, event }) => this.connection.send(topic, [event])));
    return say.length > 0;
  }

  marker = (sent: SentRows): TopicEvent | undefined =>
    this.#options.remote.keepsRows
      ? undefined
      : acknowledgementRequest(this.#conversation, sent, this.#vocabularies);

  beginning = (run: number): TopicEvent | undefined =>
    this.#options.remote.keepsRows ? undefined : runBeginning(this.#conversation, run, this.#vocabularies);

  columnNames = (query: Query, columns: readonly Column[]): TopicEvent | undefined =>
    columnNamesMessage(this.#conversation, query, columns);

  /** The host ends in good order; resolves when that has been said. */
  async farewell(): Promise<void> {
    await this.#take({ type: 'leaving', at: this.#now() });
  }

  /** Resolves when what is to be said has been, as far as the connection lets it. */
  async #take(input: ConversationInput): Promise<void> {
    const { say, requests, acknowledgements, problems } = this.#step(input);
    const said = say.map((message) => this.#say(message));
    for (const receipt of acknowledgements) this.#parts.receive(this.peer, receipt);
    for (const problem of problems) this.#options.onProblem(problem);
    for (const { request, audience } of requests) this.#options.onRequest(request, audience);
    await Promise.all(said);
  }

  #step(input: ConversationInput): ConversationStep {
    const before = this.#conversation;
    const step = converse(before, input, this.#vocabularies);
    this.#conversation = step.conversation;
    const { record } = this.#parts;
    if (!record) return step;
    record({
      peer: this.peer,
      connectionId: before.connectionId,
      input,
      ...(this.#begins && { begins: this.#begins }),
      changed: changedBy(before, step),
      effects: effectsOf(step),
    });
    this.#begins = undefined;
    return step;
  }

  /** What can't be said because the connection is gone is said again on the next one, where it still holds. */
  async #say({ topic, event }: TopicEvent): Promise<void> {
    try {
      await this.connection.send(topic, [event]);
    } catch (error) {
      const reason = reasonOf(error);
      this.#parts.log.debug({ area: 'bro', peer: this.peer, event: event.name, reason }, 'not said');
    }
  }

  #now(): number {
    return this.#parts.now();
  }
}
