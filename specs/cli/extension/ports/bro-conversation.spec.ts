import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { count, string, vector } from '../../../../src/broker/data.ts';
import type { ZeekEvent } from '../../../../src/broker/zeek-event.ts';
import { createBus } from '../../../../src/bus/bus.ts';
import { createExtensionContext } from '../../../../src/cli/extension/extension-context.ts';
import type { ConnectionParts } from '../../../../src/cli/extension/ports/bro-connection.ts';
import { BroConversation } from '../../../../src/cli/extension/ports/bro-conversation.ts';
import { BroLinks } from '../../../../src/cli/extension/ports/bro-links.ts';
import type { RepeatedQuery, Request } from '../../../../src/vocabulary/model.ts';
import { wishDigest } from '../../../../src/vocabulary/wish.ts';
import { after } from '../../../support/given.ts';
import { sampleHost } from '../../../support/sample-host.ts';
import { bro, connect, query, start, subscribe } from '../../../support/schedule-builders.ts';

const PEER = 'zeek:9999';

/** A conversation with a Zeek that has one subscription from before, and what came of it. */
function conversation(held: RepeatedQuery, filter?: readonly string[]) {
  const runtime = {
    now: () => 1_000_000,
    random: () => 0.5,
    uuid: () => '5ba5a5e5-0000-4000-8000-000000000001',
  };
  const context = createExtensionContext({
    runtime,
    log: pino({ level: 'silent' }),
    bus: createBus({ now: runtime.now, onFailure: (error) => assert.fail(String(error)) }),
    version: '1.0.0',
  });
  const state = after([start(0), connect(1, PEER, bro(1)), subscribe(2, PEER, bro(1), { query: held })]);
  const sent: string[] = [];
  const topics: string[] = [];
  const requests: Request[] = [];
  const connection = {
    send: async (topic: string, events: readonly ZeekEvent[]) => {
      topics.push(topic);
      sent.push(...events.map(({ name }) => name));
    },
  };
  const talk = new BroConversation(
    context,
    {
      links: new BroLinks(),
      schedule: () => state,
      courier: () => ({ attach() {}, detach() {} }),
    } as unknown as ConnectionParts,
    {
      peer: PEER,
      connection: connection as unknown as BroConversation['connection'],
      zeekVersion: '',
      filter,
      host: sampleHost(),
      onRequest: (request) => requests.push(request),
      onProblem: (problem) => assert.fail(problem),
    },
  );
  const greet = (version: string) => {
    const info = vector([string(version), count(80_010), string('2.4.0')]);
    const topic = `/zeek-agent/query/host/${sampleHost().id}`;
    talk.hear(topic, { name: 'ZeekAgentAPI::zeek_hello_v1', args: [string('zeek-1'), info], metadata: [] });
  };
  const declare = (queries: readonly RepeatedQuery[]) => {
    const { size, hash } = wishDigest(queries);
    const args = [string('osquery-1'), string('1.0'), count(size), string(hash)];
    const topic = `/bro/osquery/host/${sampleHost().id}`;
    talk.hear(topic, { name: 'osquery::hosts::host_declare', args, metadata: [] });
  };
  return { talk, greet, declare, requests, sent: () => sent.splice(0), topics: () => topics.splice(0) };
}

const HELD = query({ vocabulary: 'zeek-osquery' });

test('a Zeek that did not notice that we were gone and declares what we hold keeps it, without asking again', () => {
  const { declare, requests } = conversation(HELD);
  declare([HELD]);
  declare([HELD]);
  assert.deepEqual(
    requests.map(({ type }) => type),
    ['wish', 'declare', 'declare'],
  );
  const [wish] = requests;
  assert.deepEqual(wish, {
    type: 'wish',
    vocabulary: 'zeek-osquery',
    zeekInstance: 'osquery-1',
    queries: [HELD],
  });
});

test('one that declares anything else is answered with what we hold, and asks itself', () => {
  const { declare, requests, sent } = conversation(HELD);
  declare([{ ...HELD, sql: 'SELECT 2' }]);
  declare([]);
  assert.deepEqual(
    requests.map(({ type }) => type),
    ['declare', 'declare'],
  );
  assert.ok(sent().includes('osquery::hosts::host_wish_held'));
});

test('one that holds a query as another Zeek instance than the one that declares it does not affirm it', () => {
  const { declare, requests } = conversation({ ...HELD, zeekInstance: 'osquery-2' });
  declare([HELD]);
  assert.deepEqual(
    requests.map(({ type }) => type),
    ['declare'],
  );
});

const everythingSaid = () => new Promise<void>((resolve) => setImmediate(resolve));

test('what a wider filter lets through for the first time is said then, and nothing else again', async (t) => {
  const { talk, topics } = conversation(HELD, ['/zeek-agent/response/']);
  t.after(() => talk.end());
  talk.begin();
  await everythingSaid();
  assert.deepEqual([...new Set(topics())], [`/zeek-agent/response/all/${sampleHost().id}`]);
  talk.filterChanged(['/zeek-agent/response/', '/bro/osquery/announce']);
  await everythingSaid();
  const more = topics();
  assert.ok(
    more.length > 0 && more.every((topic) => topic.startsWith('/bro/osquery/announce')),
    String(more),
  );
  talk.filterChanged(['/bro/osquery/announce']);
  await everythingSaid();
  assert.deepEqual(topics(), []);
});

test('a Zeek that says which one it is has the host introduced once more, once', async () => {
  const { greet, sent } = conversation(HELD);
  greet('8.0.10');
  await everythingSaid();
  assert.deepEqual([...new Set(sent())], ['ZeekAgentAPI::agent_hello_v1']);
  greet('8.0.10');
  await everythingSaid();
  assert.deepEqual(sent(), []);
  greet('8.2.0');
  await everythingSaid();
  assert.deepEqual([...new Set(sent())], ['ZeekAgentAPI::agent_hello_v1']);
});

test('a Zeek whose filter is not known is said hello again only in the vocabularies that it speaks', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { talk, greet, sent } = conversation(HELD);
  t.after(() => talk.end());
  talk.begin();
  await everythingSaid();
  sent();
  t.mock.timers.tick(60_000);
  await everythingSaid();
  assert.deepEqual(sent(), []);
  greet('8.0.10');
  await everythingSaid();
  sent();
  t.mock.timers.tick(60_000);
  await everythingSaid();
  assert.deepEqual([...new Set(sent())], ['ZeekAgentAPI::agent_hello_v1']);
});

test('the vocabulary spoken last comes first, each once', () => {
  const { talk, greet, declare } = conversation(HELD);
  greet('8.0.10');
  declare([HELD]);
  greet('8.0.10');
  assert.deepEqual(talk.vocabulariesSpoken(), ['zeek-agent-2', 'zeek-osquery']);
});
