import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { integer, string } from '../../src/broker/data.ts';
import {
  type Audience,
  type Decoded,
  type Query,
  type Request,
  type ResultRow,
  VOCABULARY_IDS,
  type VocabularyId,
} from '../../src/vocabulary/model.ts';
import type { ReceivedRow } from '../../src/zeek-client/model.ts';
import { startBro, type TestBro } from '../support/bro.ts';
import { sampleHost } from '../support/sample-host.ts';
import { connectHost } from '../support/spec-host.ts';

const HOST = sampleHost({ id: 'h1', groups: ['geo/de/hamburg'] });
const OTHER = '5ba5a5e5-0000-4000-8000-000000000002';
const SQL = 'SELECT pid, name FROM processes';
const COLUMNS = [
  { name: 'pid', type: 'BIGINT' },
  { name: 'name', type: 'TEXT' },
] as const;

/** Where a vocabulary has its rows sent, asked of all hosts. */
const RESPONSE_TOPICS: Readonly<Record<VocabularyId, (bro: TestBro) => string>> = {
  'bro-2017-01': () => '/bro/osquery/all',
  'bro-2017-02': ({ endpointId }) => `/bro/osquery/bro/${endpointId}`,
  'zeek-osquery': ({ endpointId }) => `/bro/osquery/bro/${endpointId}`,
  'zeek-agent-1': ({ endpointId }) => `/zeek/zeek-agent/bro/${endpointId}`,
  'zeek-agent-2': ({ endpointId }) => `/zeek-agent/response/${endpointId}/h1`,
};

const numbered = (id: VocabularyId) => id === 'zeek-agent-2';
const marks = (id: VocabularyId) => id !== 'bro-2017-01';

function understood(id: VocabularyId, bro: TestBro): Query {
  return {
    vocabulary: id,
    event: 'spec::row_1',
    sql: SQL,
    cookie: marks(id) ? 'c1' : '',
    responseTopic: RESPONSE_TOPICS[id](bro),
    updateType: 'BOTH',
    initialRows: true,
    queryId: numbered(id) ? 'query-1' : '',
    zeekInstance: numbered(id) ? bro.endpointId : '',
  };
}

const asks = (decoded: Decoded) =>
  decoded.outcome !== 'request' || !['greet', 'farewell'].includes(decoded.request.type);

function row(change: ResultRow['change'], pid: string, name: string, initial = false): ResultRow {
  return { change, initial, unixTime: 1_795_500_000, columns: { pid, name } };
}

for (const id of VOCABULARY_IDS) {
  describe(`a Bro that speaks ${id}`, () => {
    const words = marks(id) ? { cookie: 'c1' } : {};

    test('learns of a host, subscribes, takes its rows and unsubscribes', async (t) => {
      const bro = await startBro(t, { vocabulary: id });
      const query = bro.subscribe(SQL, words);
      const host = await connectHost(t, bro.port, id, HOST);
      const announced = await bro.announced();
      assert.equal(announced.id, 'h1');
      if (!numbered(id)) assert.deepEqual(announced.groups, ['geo/de/hamburg']);

      const greetings = numbered(id) ? 1 : 0;
      const [subscribe] = (await host.untilRequests(greetings + 1)).slice(greetings);
      const wanted: Query = understood(id, bro);
      assert.deepEqual(subscribe, {
        outcome: 'request',
        audience: { to: 'all' } satisfies Audience,
        topic: bro.bro.topicOf({ to: 'all' }),
        request: {
          type: 'subscribe',
          query: { ...wanted, interval: 10 },
          requiresTables: [],
          ifMissingTables: [],
        } satisfies Request,
      });

      await host.sendRows(wanted, COLUMNS, [
        row('ADDED', '1', 'init', true),
        row('ADDED', '-9223372036854775808', 'caf\udce9'),
        row('REMOVED', '9007199254740993', ''),
      ]);
      const initial = id === 'zeek-agent-1' || id === 'zeek-agent-2';
      const rest = {
        host: 'h1',
        event: 'spec::row_1',
        cookie: marks(id) ? 'c1' : '',
        hostTime: numbered(id) ? 1_795_500_000_000_000_000n : undefined,
        sequence: undefined,
        query,
      };
      const values = (pid: bigint, name: string) =>
        id === 'bro-2017-01' ? [string(name), integer(pid)] : [integer(pid), string(name)];
      assert.deepEqual(await bro.untilRows(3), [
        { ...rest, change: 'ADDED', initial, values: values(1n, 'init') },
        { ...rest, change: 'ADDED', initial: false, values: values(-9223372036854775808n, 'caf\udce9') },
        { ...rest, change: 'REMOVED', initial: false, values: values(9007199254740993n, '') },
      ] satisfies ReceivedRow[]);

      bro.unsubscribe(query);
      const last = (await host.untilRequests(greetings + 2)).at(-1);
      const { event, sql, cookie, updateType } = wanted;
      assert.deepEqual(last?.outcome === 'request' && last.request, {
        type: 'unsubscribe',
        vocabulary: id,
        match:
          id === 'bro-2017-01'
            ? { by: 'sql', sql }
            : numbered(id)
              ? { by: 'queryId', queryId: 'query-1', zeekInstance: bro.endpointId }
              : { by: 'identity', event, sql, cookie, updateType, interval: 10 },
      } satisfies Request);
    });

    test('asks once, one host alone', async (t) => {
      const bro = await startBro(t, { vocabulary: id });
      const other = await connectHost(t, bro.port, id, sampleHost({ id: 'h10', endpointId: OTHER }));
      const host = await connectHost(t, bro.port, id, HOST);
      await bro.announced('h10');
      await bro.announced('h1');
      const query = bro.execute(SQL, {
        ...words,
        updateType: 'SNAPSHOT',
        target: { to: 'host', host: 'h1' },
      });
      const greetings = numbered(id) ? 1 : 0;
      const asked = (await host.untilRequests(greetings + 1)).at(-1);
      assert(asked?.outcome === 'request' && asked.request.type === 'execute');
      assert.deepEqual(asked.audience, { to: 'host' });
      assert.deepEqual(asked.request.query, {
        ...understood(id, bro),
        updateType: 'SNAPSHOT',
        responseTopic: id === 'bro-2017-01' ? '/bro/osquery/uid/h1' : RESPONSE_TOPICS[id](bro),
      } satisfies Query);
      await host.sendRows(asked.request.query, COLUMNS, [row('SNAPSHOT', '1', 'init')]);
      const [come] = await bro.untilRows(1, query);
      assert.deepEqual([come?.change, come?.initial, come?.host], ['SNAPSHOT', false, 'h1']);
      await bro.close();
      assert.equal(other.requests().filter(asks).length, 0);
    });

    test('asks the members of a group alone', async (t) => {
      const bro = await startBro(t, { vocabulary: id });
      const outside = sampleHost({ id: 'h2', groups: ['geo/destination'], endpointId: OTHER });
      const other = await connectHost(t, bro.port, id, outside);
      const host = await connectHost(t, bro.port, id, HOST);
      bro.subscribe(SQL, { ...words, target: { to: 'group', group: 'geo/de' } });
      const greetings = numbered(id) ? 1 : 0;
      const [asked] = (await host.untilRequests(greetings + 1)).slice(greetings);
      assert.deepEqual(asked?.outcome === 'request' && asked.audience, { to: 'group', group: 'geo/de' });
      await bro.close();
      assert.equal(other.requests().filter(asks).length, 0);
    });

    test('gets errors where the vocabulary has an event for them', async (t) => {
      const bro = await startBro(t, { vocabulary: id });
      const host = await connectHost(t, bro.port, id, HOST);
      await bro.announced();
      const said = host.vocabulary.notice({ level: 'error', text: 'no such table: x' }, HOST, {
        at: 0,
        packageVersion: '1',
      });
      if (!said) {
        assert.equal(id, 'zeek-agent-1');
        return;
      }
      await host.send(said);
      const notice = { type: 'notice', host: 'h1', level: 'error', text: 'no such table: x' };
      assert.deepEqual(await bro.until('notice'), notice);
    });

    test('says so when a row or an announcement is not as it should be', async (t) => {
      const bro = await startBro(t, { vocabulary: id });
      bro.subscribe(SQL, words);
      const host = await connectHost(t, bro.port, id, HOST);
      await bro.announced();
      const topic = RESPONSE_TOPICS[id](bro);
      await host.send({ topic, event: { name: 'spec::row_1', args: [integer(1n)] } });
      const [announcement] = host.vocabulary.announcement(HOST, { at: 0, connectionId: 'x' });
      assert(announcement);
      await host.send({
        topic: announcement.topic,
        event: { name: announcement.event.name, args: [string('h1')] },
      });
      await bro.untilHolds(() => bro.of('malformed').length === 2, 'two complaints');
      const [row = '', hello = ''] = bro.of('malformed').map(({ problem }) => problem);
      assert.match(row, /spec::row_1\(integer\)/);
      assert(hello.includes(`${announcement.event.name}(string)`), hello);
    });
  });
}
