import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { count, string } from '../../../src/broker/data.ts';
import type { ZeekEvent } from '../../../src/broker/zeek-event.ts';
import { createBus } from '../../../src/bus/bus.ts';
import type { ConnectionParts } from '../../../src/cli/extension/bro-connection.ts';
import { BroConversation } from '../../../src/cli/extension/bro-conversation.ts';
import { BroLinks } from '../../../src/cli/extension/bro-links.ts';
import { createHouse } from '../../../src/cli/extension/house.ts';
import { wishDigest } from '../../../src/vocabulary/wish.ts';
import type { RepeatedQuery, Request } from '../../../src/vocabulary/words.ts';
import { after } from '../../support/given.ts';
import { sampleHost } from '../../support/sample-host.ts';
import { bro, connect, query, start, subscribe } from '../../support/schedule-words.ts';

const PEER = 'zeek:9999';

/** A conversation with a Zeek that has one subscription from before, and what came of it. */
function conversation(held: RepeatedQuery) {
  const world = {
    now: () => 1_000_000,
    chance: () => 0.5,
    uuid: () => '5ba5a5e5-0000-4000-8000-000000000001',
  };
  const house = createHouse({
    world,
    log: pino({ level: 'silent' }),
    bus: createBus({ now: world.now, onFailure: (error) => assert.fail(String(error)) }),
    version: '1.0.0',
  });
  const state = after([start(0), connect(1, PEER, bro(1)), subscribe(2, PEER, bro(1), { query: held })]);
  const sent: string[] = [];
  const requests: Request[] = [];
  const connection = {
    send: async (_topic: string, events: readonly ZeekEvent[]) => {
      sent.push(...events.map(({ name }) => name));
    },
  };
  const talk = new BroConversation(
    house,
    { links: new BroLinks(), schedule: () => state } as unknown as ConnectionParts,
    {
      peer: PEER,
      connection: connection as unknown as BroConversation['connection'],
      zeekVersion: '',
      filter: undefined,
      host: sampleHost(),
      onRequest: (request) => requests.push(request),
      onProblem: (problem) => assert.fail(problem),
    },
  );
  const declare = (queries: readonly RepeatedQuery[]) => {
    const { size, hash } = wishDigest(queries);
    const args = [string('osquery-1'), string('1.0'), count(size), string(hash)];
    const topic = `/bro/osquery/host/${sampleHost().id}`;
    talk.hear(topic, { name: 'osquery::hosts::host_declare', args, metadata: [] });
  };
  return { declare, requests, sent };
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
  assert.ok(sent.includes('osquery::hosts::host_wish_held'));
});
