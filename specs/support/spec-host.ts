import type { TestContext } from 'node:test';
import type { Connection, ConnectionHandlers } from '../../src/broker/connection.ts';
import { connectTcp } from '../../src/broker/tcp-connection.ts';
import type { TopicEvent } from '../../src/broker/zeek-event.ts';
import type {
  Column,
  Decoded,
  Host,
  Query,
  Request,
  ResultRow,
  Statement,
  VocabularyId,
} from '../../src/vocabulary/model.ts';
import { createVocabularies } from '../../src/vocabulary/vocabularies.ts';
import type { Vocabulary } from '../../src/vocabulary/vocabulary.ts';
import { type Recorded, recordHandlers } from './recorded-connection.ts';

/** A host at the other end of a real socket, that speaks one vocabulary and does what the spec says. */
export interface SpecHost {
  readonly vocabulary: Vocabulary;
  readonly recorded: Recorded;
  announce(host?: Host, connectionId?: string): Promise<void>;
  /** What the Bro has asked so far, as the vocabulary understands it; that it wants columns named is said to each host. */
  requests(): readonly Decoded[];
  untilRequests(count: number): Promise<readonly Decoded[]>;
  send(message: TopicEvent): Promise<void>;
  sendRows(query: Query, columns: readonly Column[], rows: readonly ResultRow[]): Promise<void>;
}

/** What a Bro has asked and said so far, in order. */
export function saidTo(host: SpecHost): (Request | Statement)[] {
  return host.requests().flatMap((decoded): (Request | Statement)[] => {
    if (decoded.outcome === 'request') return [decoded.request];
    return decoded.outcome === 'statement' ? [decoded.statement] : [];
  });
}

/** How a host reaches a Bro. */
export type Dial = (filter: readonly string[], handlers: ConnectionHandlers) => Connection;

/** Connects to the port over plain TCP, or as `reach` says, and announces itself in the one vocabulary. */
export async function connectHost(
  t: TestContext,
  reach: number | Dial,
  id: VocabularyId,
  host: Host,
): Promise<SpecHost> {
  const vocabularies = createVocabularies({ enabled: [id] });
  const vocabulary = vocabularies.get(id);
  if (!vocabulary) throw new Error(`no vocabulary ${id}`);
  const recorded = recordHandlers();
  const { endpointId } = host;
  const overTcp = (port: number): Dial => {
    return (filter, handlers) =>
      connectTcp({ host: '127.0.0.1', port, security: 'plain', endpointId, filter }, handlers);
  };
  const dial = typeof reach === 'number' ? overTcp(reach) : reach;
  const connection = dial(vocabulary.filter(host), recorded.handlers);
  recorded.take(connection);
  t.after(() => connection.destroy());
  await recorded.up();
  const send = ({ topic, event }: TopicEvent) => connection.send(topic, [event]);
  const requests = () =>
    recorded.events.flatMap(({ topic, event }) => {
      const decoded = vocabularies.decode(topic, event, host);
      if (decoded?.outcome === 'statement' && decoded.statement.type === 'columnsWanted') return [];
      return decoded ?? [];
    });
  const specHost: SpecHost = {
    vocabulary,
    recorded,
    async announce(as = host, connectionId = 'first') {
      const session = { at: 1_795_500_000_000, connectionId };
      for (const message of vocabulary.announcement(as, session)) await send(message);
    },
    requests,
    async untilRequests(count) {
      await recorded.until(() => requests().length >= count);
      return requests();
    },
    send,
    async sendRows(query, columns, rows) {
      const encode = vocabulary.rowEncoder(query, columns, host);
      for (const row of rows) {
        const message = encode(row);
        if ('problem' in message) throw new Error(message.text);
        await send(message);
      }
    },
  };
  await specHost.announce();
  return specHost;
}
