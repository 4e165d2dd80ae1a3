import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createActor, fromCallback, fromPromise, SimulatedClock } from 'xstate';
import { backfillMachine } from '../../actors/backfill.machine.ts';
import { broPeerMachine } from '../../actors/bro-peer.machine.ts';
import { brokerEndpointMachine } from '../../actors/broker-endpoint.machine.ts';
import { courierMachine } from '../../actors/courier.machine.ts';
import { type Closed, extensionMachine, type Recovered } from '../../actors/extension.machine.ts';
import { loggerPluginMachine } from '../../actors/logger-plugin.machine.ts';
import {
  type Applied,
  type Configured,
  type Identified,
  osqueryCoreMachine,
  type Registered,
} from '../../actors/osquery-core.machine.ts';
import { type Append, type Appended, scheduleManagerMachine } from '../../actors/schedule-manager.machine.ts';
import { connectMachines } from '../../actors/system.ts';
import { createBus } from '../../src/bus/bus.ts';
import type { BusMessage } from '../../src/bus/messages.ts';
import { DEFAULT_POLICY } from '../../src/schedule/policy.ts';
import type { RenderedSchedule } from '../../src/schedule/render.ts';
import { initialState } from '../../src/schedule/schedule.ts';
import { IDENTIFIED } from '../support/identified.ts';
import { promiseProbe, settle } from '../support/machine-ports.ts';

const MACHINES = [
  backfillMachine,
  broPeerMachine,
  brokerEndpointMachine,
  courierMachine,
  extensionMachine,
  loggerPluginMachine,
  osqueryCoreMachine,
  scheduleManagerMachine,
];

const recovered: Recovered = {
  schedule: initialState(),
  sequence: 0,
  heartbeat: null,
  start: {
    type: 'StartExtension',
    at: 5,
    logId: '0a1b2c3d-0000-4000-8000-000000000000',
    renewNames: false,
    instanceId: 'i',
    version: '1.0.0',
  },
};

/**
 * All machines on one bus, the state directory in the spec's hand, the log always willing, and osquery too, unless it
 * lets nobody go.
 */
function startHouse(letsGo = true, givesUp = false) {
  const said: BusMessage['type'][] = [];
  const bus = createBus({
    now: () => 1_000,
    onFailure: (error) => {
      throw error;
    },
  });
  bus.subscribe(['>'], (message) => said.push(message.type));
  const recover = promiseProbe<Recovered, undefined>();
  const release = promiseProbe<void, undefined>();
  const clock = new SimulatedClock();
  const configuration = { peers: [], groups: ['g'], policy: DEFAULT_POLICY };
  const machine = connectMachines(bus, {
    osquery: {
      attach: fromPromise(() => Promise.resolve({ version: '5.23.1' })),
      configure: fromPromise<Configured, undefined>(() =>
        Promise.resolve({ outcome: 'configured', configuration, changed: [] }),
      ),
      register: fromPromise<Registered, undefined>(() =>
        Promise.resolve({ outcome: 'registered', uuid: '7' }),
      ),
      watch: fromCallback(() => {}),
      identify: fromPromise<Identified, undefined>(() => Promise.resolve(IDENTIFIED)),
      applySchedule: fromPromise<Applied, RenderedSchedule>(({ input: { hash } }) =>
        Promise.resolve({ hash, entries: 0 }),
      ),
      deregister: fromPromise(() => (letsGo ? Promise.resolve() : new Promise<never>(() => {}))),
    },
    schedule: {
      describe: fromPromise(() => Promise.resolve({})),
      append: fromPromise<Appended, Append>(({ input: { expected, events } }) =>
        Promise.resolve({ sequence: expected + events.length }),
      ),
      execute: fromPromise(() => Promise.resolve({ rows: 0, error: '' })),
    },
    peer: { connection: fromCallback(() => {}) },
    logger: { calls: fromCallback(() => {}) },
    courier: {
      delivery: fromCallback(({ receive, sendBack }) => {
        receive(() => sendBack({ type: 'delivery.drained' }));
      }),
    },
    backfill: {
      calls: fromCallback(() => {}),
      readLogs: fromPromise(() => Promise.resolve({ rows: 0, doubt: '' })),
      declare: fromPromise(() => Promise.resolve()),
      writeHeartbeat: () => {},
      finish: fromPromise(() => Promise.resolve()),
    },
    extension: {
      recover: recover.logic,
      close: fromPromise<Closed, undefined>(() => Promise.resolve({ inOrder: true })),
      release: release.logic,
    },
  });
  const actor = createActor(machine, {
    clock,
    input: {
      endpointId: 'e',
      givesUp,
      timing: {
        osquery: { patience: 3_000, retryPause: 500, debounce: 100, refusedPause: 30_000 },
        link: { backOffBase: 1_000, backOffMax: 60_000, refusedPause: 60_000, healthyAfter: 60_000 },
      },
    },
  });
  actor.start();
  return { actor, bus, clock, recover, release, said, state: () => actor.getSnapshot().value };
}

async function settleAll(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await settle();
}

test("the state directory is read once osquery's configuration is known, then Bros are served", async () => {
  const { state, recover, clock, said, actor } = startHouse();
  await settleAll();
  assert.equal(state(), 'recovering');
  recover.last.resolve(recovered);
  await settleAll();
  assert.deepEqual(state(), { working: 'serving' });
  clock.increment(100);
  await settleAll();
  assert.deepEqual(said, [
    'osquery.configured',
    'osquery.registered',
    'osquery.identified',
    'schedule.changed',
    'osquery.identified',
    'schedule.groups',
    'schedule.reviewed',
    'osquery.schedule-applied',
  ]);
  const children = Object.keys(actor.getSnapshot().children).filter((id) => !/^\d/.test(id));
  assert.deepEqual(children.filter((id) => !id.includes('extension')).sort(), [
    'backfill',
    'broker-endpoint',
    'courier',
    'logger-plugin',
    'osquery-core',
    'schedule-manager',
  ]);
});

test('a state directory that cannot be used ends the extension with the reason', async () => {
  const { actor, recover, release } = startHouse();
  await settleAll();
  recover.last.reject(new Error('the event log is in use by process 4711'));
  await settleAll();
  release.last.resolve();
  await settleAll();
  assert.deepEqual(actor.getSnapshot().output, {
    code: 1,
    reason: 'the event log is in use by process 4711',
  });
});

test('a signal drains everybody before files are closed', async () => {
  const { actor, recover, release, said, state } = startHouse();
  await settleAll();
  recover.last.resolve(recovered);
  await settleAll();
  actor.send({ type: 'process.signal', signal: 'SIGTERM' });
  await settleAll();
  assert.equal(said.at(-1), 'extension.draining');
  assert.deepEqual(state(), { releasing: 'releasing' });
  assert.equal(actor.getSnapshot().status, 'active');
  release.last.resolve();
  await settleAll();
  assert.deepEqual(actor.getSnapshot().output, { code: 0, reason: 'received SIGTERM' });
});

test('draining lasts eight seconds at most, and no longer than to a second signal', async () => {
  for (const cutShort of [false, true]) {
    const { actor, clock, recover, state } = startHouse(false);
    await settleAll();
    recover.last.resolve(recovered);
    await settleAll();
    actor.send({ type: 'process.signal', signal: 'SIGTERM' });
    await settleAll();
    clock.increment(7_999);
    await settleAll();
    assert.deepEqual(state(), {
      working: { draining: { osquery: 'ending', schedule: 'ended', endpoint: 'ended', courier: 'ended' } },
    });
    if (cutShort) actor.send({ type: 'process.signal', signal: 'SIGTERM' });
    else clock.increment(1);
    assert.deepEqual(state(), { releasing: 'closing' });
  }
});

test('osqueryd telling us to end is no end for one that another than osqueryd has started', async () => {
  const { actor, bus, recover, state } = startHouse();
  await settleAll();
  bus.publish({ type: 'osquery.shutdown' });
  recover.last.resolve(recovered);
  await settleAll();
  bus.publish({ type: 'osquery.shutdown' });
  await settleAll();
  assert.deepEqual(state(), { working: 'serving' });
  assert.equal(actor.getSnapshot().status, 'active');
});

test('osqueryd telling us to end is an end in good order for one that it has started', async () => {
  const { actor, bus, recover, release } = startHouse(true, true);
  await settleAll();
  recover.last.resolve(recovered);
  await settleAll();
  bus.publish({ type: 'osquery.shutdown' });
  await settleAll();
  release.last.resolve();
  await settleAll();
  assert.deepEqual(actor.getSnapshot().output, { code: 0, reason: 'osqueryd requested shutdown' });
});

test('a signal before anything is read ends at once', async () => {
  const { actor, release } = startHouse();
  actor.send({ type: 'process.signal', signal: 'SIGINT' });
  await settleAll();
  release.last.resolve();
  await settleAll();
  assert.equal(actor.getSnapshot().status, 'done');
});

interface Node {
  readonly key: string;
  readonly type: string;
  readonly description?: string | undefined;
  readonly states: Readonly<Record<string, Node>>;
}

test('every state of every machine says what it is', () => {
  const silent: string[] = [];
  const visit = (node: Node, path: string) => {
    const isRegion = Object.keys(node.states).length > 0;
    if (!node.description && !isRegion) silent.push(path);
    for (const [key, child] of Object.entries(node.states)) visit(child, `${path}.${key}`);
  };
  for (const machine of MACHINES) visit(machine.root as unknown as Node, machine.id);
  assert.deepEqual(silent, []);
});
