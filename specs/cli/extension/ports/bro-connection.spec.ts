import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { createActor, type EventObject, fromCallback } from 'xstate';
import { broPeerMachine } from '../../../../actors/bro-peer.machine.ts';
import type { InboxInput } from '../../../../actors/port.ts';
import {
  type Append,
  type Appended,
  scheduleManagerMachine,
} from '../../../../actors/schedule-manager.machine.ts';
import type { Connection, ConnectionHandlers } from '../../../../src/broker/connection.ts';
import { count, type Data, string } from '../../../../src/broker/data.ts';
import { createBus } from '../../../../src/bus/bus.ts';
import type { BusMessage, Published } from '../../../../src/bus/messages.ts';
import { createExtensionContext } from '../../../../src/cli/extension/extension-context.ts';
import { connectionPort } from '../../../../src/cli/extension/ports/bro-connection.ts';
import { BroLinks } from '../../../../src/conversation/bro-links.ts';
import type { ConversationRecord } from '../../../../src/conversation/record.ts';
import type { Courier } from '../../../../src/delivery/courier.ts';
import { createTraceRecorder } from '../../../../src/replay/trace-recorder.ts';
import { replayTrace } from '../../../../src/replay/trace-replay.ts';
import type { Executed } from '../../../../src/schedule/description.ts';
import { type Descriptions, type Question, questionKey } from '../../../../src/schedule/description.ts';
import { DEFAULT_POLICY } from '../../../../src/schedule/policy.ts';
import { type Execution, initialState, subscriptions } from '../../../../src/schedule/schedule.ts';
import { promiseProbe, settle } from '../../../support/machine-ports.ts';
import { sampleHost } from '../../../support/sample-host.ts';

const PEER = 'zeek:9999';
const HOST = sampleHost();
const SQL = 'SELECT pid FROM processes';
const START = {
  type: 'StartExtension',
  at: 1,
  logId: '0a1b2c3d-0000-4000-8000-000000000000',
  renewNames: false,
  instanceId: 'i',
  version: '1.0.0',
} as const;
const TOPIC = `/bro/osquery/host/${HOST.id}`;

/** A Zeek at the end of a connection, its peer and the schedule manager, with a bus between them and a log that takes all. */
function startPeer() {
  const runtime = {
    now: () => 1_000_000,
    random: () => 0.5,
    uuid: () => '5ba5a5e5-0000-4000-8000-000000000001',
  };
  const bus = createBus({ now: runtime.now, onFailure: (error) => assert.fail(String(error)) });
  const context = createExtensionContext({ runtime, log: pino({ level: 'silent' }), bus, version: '1.0.0' });
  const published: Published[] = [];
  bus.subscribe(['>'], (message) => published.push(message));
  const acknowledged: number[] = [];
  const said: string[] = [];
  const records: ConversationRecord[] = [];
  let handlers: ConnectionHandlers | undefined;
  const connection: Connection = {
    async send(_topic, events) {
      said.push(...events.map(({ name }) => name));
    },
    confirm: async () => {},
    subscribe() {},
    async leave() {
      said.push('(left)');
    },
    destroy() {},
  };
  const courier = {
    attach() {},
    detach() {},
    acknowledge: (_peer: string, sequence: number) => acknowledged.push(sequence),
  };
  const inbox = fromCallback<EventObject, InboxInput>(({ input, sendBack }) =>
    bus.subscribe(input.subjects, sendBack),
  );
  const publish = (_: unknown, message: BusMessage) => bus.publish(message);
  const publishAll = (_: unknown, messages: readonly BusMessage[]) => {
    for (const message of messages) bus.publish(message);
  };
  const describe = promiseProbe<Descriptions, { readonly queries: readonly Question[] }>();
  const append = promiseProbe<Appended, Append>();
  const execute = promiseProbe<Executed, Execution>();
  const manager = createActor(
    scheduleManagerMachine.provide({
      actions: { publish, publishAll },
      actors: { inbox, describe: describe.logic, append: append.logic, execute: execute.logic },
    }),
    {
      input: {
        schedule: initialState(),
        sequence: 0,
        policy: DEFAULT_POLICY,
        tables: ['processes'],
        pending: [START],
      },
    },
  );
  const port = connectionPort(context, {
    dial: (_call, given) => {
      handlers = given;
      return connection;
    },
    courier: () => courier as unknown as Courier,
    links: new BroLinks(),
    schedule: () => manager.getSnapshot().context.schedule,
    record: (record) => records.push(record),
  });
  const timing = { backOffBase: 1, backOffMax: 1, refusedPause: 1, healthyAfter: 1 };
  const patience = { resyncWindow: 3_600_000, expiry: 3_600_000 };
  const peer = createActor(
    broPeerMachine.provide({ actions: { publish }, actors: { inbox, connection: port } }),
    { input: { peer: PEER, host: HOST, timing, patience } },
  );
  manager.start();
  peer.start();
  assert.ok(handlers);
  const { onUp, onEvent } = handlers;
  const remote = {
    filter: undefined,
    transport: 'tcp',
    authenticated: false,
    version: '',
    confirms: true,
  } as const;
  onUp({ incarnation: 'i1', ...remote });
  return {
    ...{ published, acknowledged, said, records, describe, manager, peer },
    hear: (name: string, ...args: Data[]) =>
      onEvent(TOPIC, { name: `osquery::hosts::${name}`, args, metadata: [] }),
    /** osquery describes, and the log takes, whatever they are asked. */
    async run() {
      for (let turn = 0; turn < 20; turn += 1) {
        await settle();
        const { value } = manager.getSnapshot();
        if (value === 'describing') {
          const columns = [{ name: 'pid', type: 'BIGINT' }] as const;
          const key = questionKey({ dialect: 'osquery', sql: SQL });
          describe.last.resolve({ [key]: { columns, tables: ['processes'] } });
        } else if (value === 'logging') {
          const { expected, events } = append.last.input;
          append.last.resolve({ sequence: expected + events.length });
        } else if (value === 'idle') return;
      }
      throw new Error(`still ${manager.getSnapshot().value}`);
    },
    stop() {
      peer.stop();
      manager.stop();
    },
  };
}

const subscribe = (cookie: string): Data[] => [
  ...['ev', SQL, cookie, '/bro/osquery/bro/x', 'BOTH'].map(string),
  count(10),
];

test('a thousand acknowledgements while osquery describes a query do not make the next subscription fail', async (t) => {
  const zeek = startPeer();
  t.after(zeek.stop);
  await zeek.run();
  zeek.hear('host_subscribe', ...subscribe('first'));
  assert.equal(zeek.manager.getSnapshot().value, 'describing');
  const waiting = () => zeek.manager.getSnapshot().context.pending.length;
  const before = { waiting: waiting(), published: zeek.published.length };
  for (let sequence = 1; sequence <= 1_000; sequence += 1) zeek.hear('host_acknowledge', count(sequence));
  for (let n = 0; n < 100; n += 1)
    zeek.hear('host_declare', string('z'), string('1.0'), count(1), string('h'));
  assert.deepEqual({ waiting: waiting(), published: zeek.published.length }, before);
  assert.equal(zeek.acknowledged.length, 1_000);
  assert.deepEqual([...new Set(zeek.said)].includes('osquery::hosts::host_queries_held'), true);
  zeek.hear('host_subscribe', ...subscribe('second'));
  await zeek.run();
  assert.deepEqual(
    subscriptions(zeek.manager.getSnapshot().context.schedule).map(({ query }) => query.cookie),
    ['first', 'second'],
  );
  assert.deepEqual(
    zeek.published.filter(({ type }) => type === 'peer.tell'),
    [],
  );
});

test('what was said with a Zeek replays from its trace', async (t) => {
  const zeek = startPeer();
  t.after(zeek.stop);
  await zeek.run();
  zeek.hear('host_subscribe', ...subscribe('first'));
  await zeek.run();
  zeek.hear('host_declare', string('z'), string('1.0'), count(1), string('h'));
  zeek.hear('host_acknowledge', count(7));
  zeek.hear('host_join', count(7));
  const lines: string[] = [];
  const trace = createTraceRecorder({ write: (line) => lines.push(line), now: () => 1, version: '1.0.0' });
  for (const record of zeek.records) trace.onConversation(record);
  const replay = async () =>
    replayTrace(
      (async function* () {
        yield* lines;
      })(),
    );
  const { deviation, conversationSteps } = await replay();
  assert.deepEqual({ deviation, conversationSteps }, { deviation: null, conversationSteps: 5 });

  const acknowledged = JSON.parse(lines[4] ?? '');
  assert.equal(acknowledged.input.type, 'acknowledged');
  acknowledged.effects.acknowledgements[0].sequence = 8;
  lines[4] = JSON.stringify(acknowledged);
  assert.deepEqual(
    (await replay()).deviation?.differences.map(({ what }) => what),
    ['effects.acknowledgements'],
  );
});

test('the settings of a connection change: the package is said goodbye to, once, before the connection is left', async (t) => {
  const zeek = startPeer();
  t.after(zeek.stop);
  await zeek.run();
  zeek.hear('host_declare', string('z'), string('1.0'), count(1), string('h'));
  await settle();
  zeek.said.splice(0);
  zeek.peer.send({ type: 'endpoint.changed' });
  zeek.peer.send({ type: 'peer.drain' });
  await settle();
  assert.equal(zeek.said[0], 'osquery::hosts::host_farewell');
  assert.equal(zeek.said.filter((name) => name === 'osquery::hosts::host_farewell').length, 1);
  assert.deepEqual(zeek.said.slice(-1), ['(left)']);
  assert.equal(zeek.said.filter((name) => name === '(left)').length, 1);
});
