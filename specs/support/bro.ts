import { randomUUID } from 'node:crypto';
import type { TestContext } from 'node:test';
import { formatEndpointAddress, parseEndpointAddress } from '../../src/broker/address.ts';
import type { BrokerAddress } from '../../src/broker/endpoint-connection.ts';
import type { VocabularyId } from '../../src/vocabulary/model.ts';
import type { BroEvent } from '../../src/zeek-client/bro-event.ts';
import { Bro, type BroOptions } from '../../src/zeek-client/bro-server.ts';
import type { DialectOptions } from '../../src/zeek-client/dialects.ts';
import { createDialect } from '../../src/zeek-client/dialects.ts';
import type {
  AnnouncedHost,
  BroQuery,
  ReceivedRow,
  Subscription,
  Target,
} from '../../src/zeek-client/model.ts';

export type EventOfType<T extends BroEvent['type']> = Extract<BroEvent, { readonly type: T }>;

export interface TestBroOptions
  extends Partial<Omit<BroOptions, 'dialect' | 'endpointId' | 'addresses'>>,
    Partial<DialectOptions> {
  /** Any free one by default. */
  readonly port?: number;
  /** How hosts connect: Broker's own protocol by default, plain or with TLS, or Zeek's WebSocket API. */
  readonly transport?: BrokerAddress['kind'];
  /** `zeek-osquery` by default. */
  readonly vocabulary?: VocabularyId;
}

/** What a query may say beside its SQL. */
export type QueryWords = Partial<Omit<BroQuery, 'sql'>>;

/** A Bro in this process, listening on a port of its own at 127.0.0.1, with promises for what is to happen. */
export interface TestBro {
  readonly bro: Bro;
  readonly port: number;
  /** `127.0.0.1:port` or `ws://127.0.0.1:port/…`, as `bro_endpoint` wants it. */
  readonly address: string;
  readonly endpointId: string;
  /** All that has happened, in order. */
  readonly news: readonly BroEvent[];
  /** What has happened of one kind, in order. */
  of<T extends BroEvent['type']>(type: T): readonly EventOfType<T>[];
  /** Rows in order of arrival; of one query, if it is named. */
  rows(query?: BroQuery): readonly ReceivedRow[];
  /** Every 10 s, differences of both kinds, event `spec::row_<n>`, to all hosts, unless told otherwise. */
  subscribe(sql: string, words?: QueryWords): Subscription;
  execute(sql: string, words?: QueryWords): BroQuery;
  unsubscribe(query: Subscription): void;
  join(group: string, target?: Target): void;
  leave(group: string, target?: Target): void;
  /** Resolves with the first host, or the one named, that has announced itself. */
  announced(id?: string): Promise<AnnouncedHost>;
  /** Resolves with the first news that the condition holds for, past or to come. */
  until<T extends BroEvent['type']>(
    type: T,
    condition?: (news: EventOfType<T>) => boolean,
    within?: number,
  ): Promise<EventOfType<T>>;
  /** Resolves with the rows as soon as there are so many; of one query, if it is named. */
  untilRows(count: number, query?: BroQuery, within?: number): Promise<readonly ReceivedRow[]>;
  /** Resolves as soon as the condition holds after some news; it is looked at again with each. */
  untilHolds(condition: () => boolean, what: string, within?: number): Promise<void>;
  /** Unsubscribes, says goodbye, stops listening. */
  close(): Promise<void>;
  /** Cuts every connection and stops listening, as a process that is killed. */
  kill(): Promise<void>;
}

/** Milliseconds that a spec waits for anything, on a slow machine. */
const PATIENCE = 20_000;

/** Starts a Bro; what is left of it ends with the test. Give `port` and `endpointId` to come back as another did. */
export async function startBro(t: TestContext, options: TestBroOptions = {}): Promise<TestBro> {
  const {
    vocabulary = 'zeek-osquery',
    topicPrefix,
    endpointId = randomUUID(),
    port = 0,
    transport = 'native',
    ...rest
  } = options;
  const dialect = createDialect(vocabulary, {
    endpointId,
    ...(topicPrefix !== undefined && { topicPrefix }),
  });
  const news: BroEvent[] = [];
  const waiting = new Set<() => void>();
  let queries = 0;
  const at = parseEndpointAddress(`${transport === 'native' ? '' : 'ws://'}127.0.0.1:${port}`, {
    listening: true,
  });
  if (at.kind === 'nats') throw new Error('over NATS nobody listens');
  const bro = await Bro.listen({ ...rest, addresses: [at], endpointId, dialect }, (told) => {
    news.push(told);
    for (const check of [...waiting]) check();
  });
  t.after(() => bro.kill());

  const query = (sql: string, words: QueryWords): BroQuery => {
    queries += 1;
    return {
      id: `query-${queries}`,
      event: `spec::row_${queries}`,
      cookie: '',
      updateType: 'BOTH',
      initialRows: true,
      interval: undefined,
      target: { to: 'all' },
      ...words,
      sql,
    };
  };
  const of = <T extends BroEvent['type']>(type: T) =>
    news.filter((each): each is EventOfType<T> => each.type === type);
  const rows = (wanted?: BroQuery) =>
    of('row')
      .map(({ row }) => row)
      .filter((row) => wanted === undefined || row.query === wanted);

  function wait<T>(look: () => T | undefined, what: string, within = PATIENCE): Promise<T> {
    return new Promise((resolve, reject) => {
      const late = () => {
        waiting.delete(check);
        const seen = news.map((each) => (each.type === 'notice' ? `notice "${each.text}"` : each.type));
        reject(
          new Error(`${what} did not happen within ${within} ms; what did: ${seen.join(', ') || 'nothing'}`),
        );
      };
      const timer = setTimeout(late, within);
      const check = () => {
        const found = look();
        if (found === undefined) return;
        clearTimeout(timer);
        waiting.delete(check);
        resolve(found);
      };
      waiting.add(check);
      check();
    });
  }

  const test: TestBro = {
    bro,
    port: bro.ports[0] ?? port,
    address: formatEndpointAddress({ ...at, port: bro.ports[0] ?? port }),
    endpointId,
    news,
    of,
    rows,
    subscribe(sql, words = {}) {
      const { interval = 10, ...asked } = query(sql, words);
      const subscription = { ...asked, interval };
      bro.subscribe(subscription);
      return subscription;
    },
    execute(sql, words = {}) {
      const asked = query(sql, words);
      bro.execute(asked);
      return asked;
    },
    unsubscribe: (subscription) => bro.unsubscribe(subscription),
    join: (group, target = { to: 'all' }) => bro.join(group, target),
    leave: (group, target = { to: 'all' }) => bro.leave(group, target),
    async announced(id) {
      const told = await test.until('announced', ({ host }) => id === undefined || host.id === id);
      return told.host;
    },
    until: (type, condition = () => true, within) =>
      wait(() => of(type).find(condition), `"${type}" as expected`, within),
    untilRows: (count, wanted, within) =>
      wait(
        () => {
          const come = rows(wanted);
          return come.length >= count ? come : undefined;
        },
        `the arrival of ${count} rows${wanted ? ` of ${wanted.sql}` : ''}`,
        within,
      ),
    async untilHolds(condition, what, within) {
      await wait(() => condition() || undefined, what, within);
    },
    close: () => bro.close(),
    kill: () => bro.kill(),
  };
  return test;
}
