import type { Connection } from '../../../broker/connection.ts';
import type { TopicEvent, ZeekEvent } from '../../../broker/zeek-event.ts';
import { subscriptionsOf } from '../../../schedule/schedule.ts';
import { reasonOf } from '../../../text/reason.ts';
import { formatGap } from '../../../vocabulary/gap-text.ts';
import type { Audience, Gap, Host, Notice, Request, VocabularyId } from '../../../vocabulary/model.ts';
import type { Announcement } from '../../../vocabulary/vocabularies.ts';
import type { SessionContext } from '../../../vocabulary/vocabulary.ts';
import { wishDigest } from '../../../vocabulary/wish.ts';
import { packageEvents } from '../../../vocabulary/zeek-package.ts';
import type { ExtensionContext } from '../extension-context.ts';
import type { ConnectionParts } from './bro-connection.ts';
import type { BroLink } from './bro-links.ts';

export interface ConversationOptions {
  readonly peer: string;
  readonly connection: Connection;
  /** Empty if unknown. */
  readonly zeekVersion: string;
  /** What the Bro subscribed; undefined where the transport can't tell. */
  readonly filter: readonly string[] | undefined;
  readonly host: Host;
  readonly onRequest: (request: Request, audience: Audience) => void;
  readonly onProblem: (problem: string) => void;
}

/** The vocabulary in which our own Zeek package speaks. */
const PACKAGE_VOCABULARY: VocabularyId = 'zeek-osquery';

/** What is said with one Bro over one connection, in all vocabularies at once. */
export class BroConversation implements BroLink {
  readonly peer: string;
  readonly connection: Connection;
  readonly #context: ExtensionContext;
  readonly #parts: ConnectionParts;
  readonly #options: ConversationOptions;
  readonly #connectionId: string;
  readonly #hellos: NodeJS.Timeout[] = [];
  /** Vocabularies in which the Bro has asked for something, the last one first. */
  readonly #spoken: VocabularyId[] = [];
  #host: Host;
  #filter: readonly string[] | undefined;
  #zeek: Pick<SessionContext, 'zeekVersion' | 'packageVersion'>;
  #packageVersion = '';
  /** Whether the Bro has declared, over this connection, to want just what it has. */
  #isAffirmed = false;

  constructor(context: ExtensionContext, parts: ConnectionParts, options: ConversationOptions) {
    this.#context = context;
    this.#parts = parts;
    this.#options = options;
    this.peer = options.peer;
    this.connection = options.connection;
    this.#host = options.host;
    this.#filter = options.filter;
    this.#zeek = { zeekVersion: options.zeekVersion };
    this.#connectionId = context.runtime.uuid();
  }

  packageVersion = () => this.#packageVersion;
  vocabulariesSpoken = () => this.#spoken;

  /** Introduces the host, and lets the courier bring what waits for this Bro. */
  begin(): void {
    this.#parts.links.add(this);
    void this.#announce(this.#announcements(this.#filter));
    for (const { id, helloInterval } of this.#context.vocabularies().all) {
      if (helloInterval === undefined) continue;
      const hello = () => {
        // A Zeek whose filter is unknown (WebSocket) logs an error for each event it doesn't know; one that knows this
        // vocabulary has answered the first hello, or says hello itself.
        if (this.#filter === undefined && !this.#spoken.includes(id)) return;
        void this.#announce(this.#announcements(this.#filter).filter((one) => one.vocabulary === id));
      };
      this.#hellos.push(setInterval(hello, helloInterval * 1_000));
    }
    this.#parts.courier().attach(this.peer, this.connection);
  }

  end(): void {
    for (const timer of this.#hellos.splice(0)) clearInterval(timer);
    this.#parts.links.remove(this);
    this.#parts.courier().detach(this.peer, this.connection);
  }

  /** What the Bro sent: a request, something malformed, or nothing of ours. */
  hear(topic: string, event: ZeekEvent): void {
    const decoded = this.#context.vocabularies().decode(topic, event, this.#host);
    if (!decoded) return;
    if (decoded.outcome === 'malformed') {
      const { vocabulary, problem } = decoded;
      this.#options.onProblem(problem);
      this.#say(this.#noticeIn(vocabulary, { level: 'warning', text: problem }));
      return;
    }
    const { request, audience } = decoded;
    this.#noteVocabulary(request);
    if (request.type === 'acknowledge') this.#parts.courier().acknowledge(this.peer, request.sequence);
    if (request.type === 'declare') this.#answerDeclaration(request, audience);
    if (request.type === 'greet') this.#noteGreeting(request);
    this.#options.onRequest(request, audience);
  }

  /** The Bro listens to more than before: what it could not hear then it is told now. */
  filterChanged(filter: readonly string[]): void {
    const heard = new Set(this.#announcements(this.#filter).map(({ message }) => message.topic));
    this.#filter = filter;
    void this.#announce(this.#announcements(filter).filter(({ message }) => !heard.has(message.topic)));
  }

  hostChanged(host: Host): void {
    this.#host = host;
    void this.#announce(this.#announcements(this.#filter));
    if (this.#packageVersion !== '') this.#say(this.#packageEvents().details(host));
  }

  async tell(notice: Notice): Promise<void> {
    const vocabularies = notice.query ? [notice.query.vocabulary] : this.#spoken.slice(0, 1);
    for (const id of vocabularies) await this.#send(this.#noticeIn(id, notice));
  }

  async tellGap(gap: Gap): Promise<boolean> {
    const message = this.#formatGap(gap);
    if (message) await this.connection.send(message.topic, [message.event]);
    return message !== undefined;
  }

  /** In the Bro's own vocabulary: if it has not spoken over this connection, in that of what it asked for before. */
  #formatGap(gap: Gap): TopicEvent | undefined {
    if (this.#packageVersion !== '') return this.#packageEvents().gap(this.#host, gap);
    const asked = subscriptionsOf(this.#parts.schedule(), this.peer).at(-1)?.query.vocabulary;
    const id = this.#spoken[0] ?? asked;
    return id && this.#noticeIn(id, { level: 'warning', text: formatGap(gap) });
  }

  marker = (sequence: number): TopicEvent | undefined =>
    this.#packageVersion === '' ? undefined : this.#packageEvents().rowsSent(this.#host, sequence);

  /** The host ends in good order: each vocabulary that has a word for it says so. */
  async farewell(): Promise<void> {
    const session = this.#session();
    if (this.#packageVersion !== '') await this.#send(this.#packageEvents().farewell(this.#host));
    for (const vocabulary of this.#context.vocabularies().all) {
      for (const message of vocabulary.farewell(this.#host, session)) {
        if (this.#isHeard(message.topic)) await this.#send(message);
      }
    }
  }

  #isHeard(topic: string): boolean {
    return this.#filter?.some((prefix) => topic.startsWith(prefix)) ?? true;
  }

  #answerDeclaration(request: Extract<Request, { type: 'declare' }>, audience: Audience): void {
    const isFirst = this.#packageVersion === '';
    this.#packageVersion = request.packageVersion;
    const events = this.#packageEvents();
    if (isFirst) this.#say(events.details(this.#host));
    const held = subscriptionsOf(this.#parts.schedule(), this.peer)
      .map(({ query }) => query)
      .filter(
        ({ vocabulary, zeekInstance }) =>
          vocabulary === request.vocabulary && (zeekInstance === '' || zeekInstance === request.zeekInstance),
      );
    const digest = wishDigest(held);
    this.#say(events.wishHeld(this.#host, request.zeekInstance, digest));
    // A Zeek that never noticed that we were gone has no reason to ask again: its word that we have what it wants is as
    // good, and without it the queries would end.
    if (this.#isAffirmed || digest.size === 0 || digest.hash !== request.wish.hash) return;
    this.#isAffirmed = true;
    const { vocabulary, zeekInstance } = request;
    this.#options.onRequest({ type: 'wish', vocabulary, zeekInstance, queries: held }, audience);
  }

  #noteVocabulary(request: Request): void {
    const id = 'query' in request ? request.query.vocabulary : request.vocabulary;
    if (this.#spoken[0] === id) return;
    const at = this.#spoken.indexOf(id);
    if (at >= 0) this.#spoken.splice(at, 1);
    this.#spoken.unshift(id);
  }

  #noticeIn(id: VocabularyId, notice: Notice): TopicEvent | undefined {
    const peer = { at: this.#context.runtime.now(), packageVersion: this.#packageVersion };
    return this.#context.vocabularies().get(id)?.notice(notice, this.#host, peer);
  }

  #packageEvents() {
    return packageEvents(this.#context.vocabularies().prefix(PACKAGE_VOCABULARY));
  }

  #session(): SessionContext {
    return { at: this.#context.runtime.now(), connectionId: this.#connectionId, ...this.#zeek };
  }

  /** A Zeek says which one it is: in case it didn't understand what was said before that was known, it is said again. */
  #noteGreeting({ vocabulary, zeekVersion, packageVersion }: Extract<Request, { type: 'greet' }>): void {
    if (this.#zeek.zeekVersion === zeekVersion && this.#zeek.packageVersion === packageVersion) return;
    this.#zeek = { zeekVersion, packageVersion };
    void this.#announce(this.#announcements(this.#filter).filter((one) => one.vocabulary === vocabulary));
  }

  #announcements(filter: readonly string[] | undefined): readonly Announcement[] {
    return this.#context.vocabularies().announcements(this.#host, this.#session(), filter);
  }

  async #announce(announcements: readonly Announcement[]): Promise<void> {
    for (const { message } of announcements) await this.#send(message);
  }

  #say(message: TopicEvent | undefined): void {
    void this.#send(message);
  }

  /** What can't be said because the connection is gone is said again on the next one, where it still holds. */
  async #send(message: TopicEvent | undefined): Promise<void> {
    if (!message) return;
    try {
      await this.connection.send(message.topic, [message.event]);
    } catch (error) {
      const reason = reasonOf(error);
      this.#context.log.debug(
        { area: 'bro', peer: this.peer, event: message.event.name, reason },
        'not said',
      );
    }
  }
}
