import type { WebSocket } from 'ws';
import { hostFacts, queryFacts } from '../console/facts.ts';
import { type Audience, EVERYBODY, type Item, type ZeekFacts } from '../console/model.ts';
import type { ConsoleSession } from '../console/session-client.ts';
import type { Conversation } from '../inspect/conversation.ts';
import { reasonOf } from '../text/reason.ts';
import { PageQuestion } from './page-question.ts';
import { type FromPage, type FromServer, parseFromPage } from './protocol.ts';
import { SCHEMA_SQL, schemaOf } from './schema.ts';

/** What a page needs of its session with the Zeek. */
export type PageSession = Pick<ConsoleSession, 'hosts' | 'list' | 'ask' | 'ended' | 'close'>;

export interface ConsoleConversationOptions {
  readonly version: string;
  readonly now: () => number;
  /** How the Zeek is called on the page. */
  readonly name: string;
  /** Whether pages may run queries. */
  readonly allowQueries: boolean;
  /** A session for a page. Rejects with what to tell it. */
  readonly open: () => Promise<{ session: PageSession; zeek: ZeekFacts }>;
  /** Whom a page means; undefined: no connected host. Rejects with what to tell it. */
  readonly audienceOf: (
    session: PageSession,
    chosen: {
      host: readonly string[];
      group: readonly string[];
      subnet: readonly string[];
      where: string | undefined;
    },
  ) => Promise<Audience | undefined>;
}

/** Seconds for a host to tell its tables. */
const SCHEMA_TIMEOUT = 20_000;

/** What is said with pages of the console. Each page has a session of its own, and its queries end with it. */
export function createConsoleConversation(options: ConsoleConversationOptions): Conversation {
  return (socket) => {
    const page = new PageConversation(socket, options);
    page.begin().catch((error) => page.lose(reasonOf(error)));
  };
}

class PageConversation {
  readonly #socket: WebSocket;
  readonly #options: ConsoleConversationOptions;
  readonly #questions = new Map<number, PageQuestion>();
  #session: PageSession | undefined;
  #allowed = false;

  constructor(socket: WebSocket, options: ConsoleConversationOptions) {
    this.#socket = socket;
    this.#options = options;
  }

  async begin(): Promise<void> {
    const { open, version, now, name, allowQueries } = this.#options;
    const { session, zeek } = await open();
    const isGone = () => this.#socket.readyState !== this.#socket.OPEN;
    this.#session = session;
    this.#socket.once('close', () => void session.close());
    if (isGone()) return void session.close();
    this.#allowed = allowQueries && zeek.queries;
    this.#socket.on('message', (data) => this.#hear(String(data)));
    session.ended.catch((error) => this.lose(reasonOf(error)));
    this.#say({ type: 'hello', version, name, zeek, allowed: this.#allowed, at: now() });
    await this.#tellHosts(session);
  }

  /** Says what has happened and closes: the page comes back, and is told anew. */
  lose(text: string): void {
    this.#say({ type: 'problem', text });
    this.#socket.close(1013, 'try again later');
  }

  #hear(text: string): void {
    const asked = parseFromPage(text);
    const session = this.#session;
    if (!asked || !session) {
      this.#socket.close(4400, 'not understood');
      return;
    }
    this.#answer(asked, session).catch((error) => this.#say({ type: 'problem', text: reasonOf(error) }));
  }

  async #answer(asked: FromPage, session: PageSession): Promise<void> {
    switch (asked.type) {
      case 'hosts':
        return this.#tellHosts(session);
      case 'host':
        return this.#tellHost(session, asked.id);
      case 'schema':
        if (this.#allowed) await this.#tellSchema(session, asked.platform, asked.host);
        return;
      case 'query':
        return this.#ask(session, asked);
      case 'stop':
        this.#questions.get(asked.ask)?.stop();
        return;
      case 'hello':
        return;
      default:
        return asked satisfies never;
    }
  }

  async #tellHosts(session: PageSession): Promise<void> {
    this.#say({ type: 'hosts', hosts: await session.hosts(), at: this.#options.now() });
  }

  async #tellHost(session: PageSession, id: string): Promise<void> {
    const items = await session.list('host', id);
    const of = <T>(kind: Item['kind'], read: (item: Item) => T | undefined) =>
      items.flatMap((item) => (item.kind === kind ? (read(item) ?? []) : [])) as T[];
    const [host] = of('host', hostFacts);
    const warnings = items
      .filter(({ kind }) => kind === 'warning' || kind === 'error')
      .map(({ at, kind, text }) => ({ at, kind, text }));
    this.#say({ type: 'host', id, host, queries: of('query', queryFacts), warnings });
  }

  async #tellSchema(session: PageSession, platform: string, host: string): Promise<void> {
    const items = await new Promise<readonly Item[]>((resolve) => {
      const all: Item[] = [];
      const question = { ...EVERYBODY, hosts: [host], sql: SCHEMA_SQL, interval: 0, maxRows: 0 };
      const asked = session.ask({ ...question, updateType: 'SNAPSHOT', timeout: SCHEMA_TIMEOUT }, (item) => {
        all.push(item);
        const done = all.find(({ kind }) => kind === 'done');
        if (item.kind === 'ended' || item.kind === 'refused') resolve(all);
        else if (done && all.filter(({ kind }) => kind === 'row').length >= done.number) {
          asked.stop('the tables are known');
          resolve(all);
        }
      });
    });
    this.#say({ type: 'schema', schema: { platform, host, tables: schemaOf(items) } });
  }

  async #ask(session: PageSession, asked: Extract<FromPage, { type: 'query' }>): Promise<void> {
    const { ask, sql, hosts, groups, where, every, timeout } = asked;
    const refuse = (problem: string) => this.#say({ type: 'over', ask, reason: '', problem, hosts: [] });
    if (!this.#allowed) {
      return refuse(
        'This console is read-only: start it with --allow-queries, at a Zeek that lets consoles run queries.',
      );
    }
    if (this.#questions.has(ask)) return;
    try {
      const audience = await this.#options.audienceOf(session, {
        ...{ host: hosts, group: groups, subnet: [], where: where === '' ? undefined : where },
      });
      if (!audience) return refuse('No connected host meets that.');
      const question = { ...audience, sql, interval: every, updateType: 'BOTH', maxRows: 0 } as const;
      const made = new PageQuestion({
        ...{ session, ask, question: { ...question, timeout: timeout * 1_000 } },
        say: (message) => this.#say(message),
        onOver: () => this.#questions.delete(ask),
      });
      this.#questions.set(ask, made);
    } catch (error) {
      refuse(reasonOf(error));
    }
  }

  #say(message: FromServer): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(JSON.stringify(message));
  }
}
