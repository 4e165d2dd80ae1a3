import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createActor, SimulatedClock } from 'xstate';
import type { ConnectionCommand, ConnectionEvent } from '../../actors/bro-link.ts';
import { broPeerMachine } from '../../actors/bro-peer.machine.ts';
import { brokerEndpointMachine } from '../../actors/broker-endpoint.machine.ts';
import { DEFAULT_POLICY } from '../../src/schedule/policy.ts';
import type { Host } from '../../src/vocabulary/model.ts';
import { busProbe, callbackProbe } from '../support/machine-ports.ts';
import { sampleHost } from '../support/sample-host.ts';

const endpointId = '5ba5a5e5-0000-4000-8000-000000000009';
const timing = { backOffBase: 1_000, backOffMax: 60_000, refusedPause: 60_000, healthyAfter: 60_000 };
const configuration = (...peers: string[]) => ({ peers, groups: [], policy: DEFAULT_POLICY });
const closed = {
  type: 'connection.closed',
  code: 'left',
  reason: '',
  refused: false,
  upFor: 0,
  chance: 0,
} as const;

function startEndpoint(host: Host | null, peers: readonly string[]) {
  const bus = busProbe();
  const peerBus = busProbe();
  const clock = new SimulatedClock();
  const connections = callbackProbe<ConnectionCommand, { peer: string; host: Host }, ConnectionEvent>();
  const actor = createActor(
    brokerEndpointMachine.provide({
      actions: { publish: bus.publish },
      actors: {
        inbox: bus.inbox,
        broPeer: broPeerMachine.provide({
          actions: { publish: peerBus.publish },
          actors: { inbox: peerBus.inbox, connection: connections.logic },
        }),
      },
    }),
    { clock, input: { endpointId, timing, configuration: configuration(...peers), groups: ['g'], host } },
  );
  actor.start();
  const live = () => actor.getSnapshot().context.live;
  return { actor, bus, connections, clock, live, state: () => actor.getSnapshot().value };
}

test('no Bro is reached before osquery has said who we are', () => {
  const { bus, state, connections } = startEndpoint(null, ['a:1']);
  assert.equal(state(), 'waiting');
  assert.equal(connections.inputs.length, 0);
  bus.deliver({ type: 'osquery.host', host: sampleHost({ groups: [] }) });
  assert.equal(state(), 'open');
  assert.deepEqual(connections.inputs, [{ peer: 'a:1', host: sampleHost({ groups: ['g'], endpointId }) }]);
  assert.deepEqual(bus.take(), [{ type: 'endpoint.opened', endpointId, peers: ['a:1'] }]);
});

test('Bros that the configuration gains or loses come and go, the others stay', () => {
  const { bus, connections, live } = startEndpoint(sampleHost(), ['a:1', 'b:1']);
  assert.deepEqual(live(), ['a:1', 'b:1']);
  bus.deliver({ type: 'osquery.configured', ...configuration('b:1', 'c:1'), changed: [] });
  assert.deepEqual(
    connections.inputs.map(({ peer }) => peer),
    ['a:1', 'b:1', 'c:1'],
  );
  assert.deepEqual(live(), ['a:1', 'b:1', 'c:1']);
  assert.deepEqual(connections.received, [{ type: 'leave' }]);
});

test('a Bro whose settings have changed is reconnected, and no other one', () => {
  const { bus, connections, live } = startEndpoint(sampleHost(), ['a:1', 'b:1']);
  bus.deliver({ type: 'osquery.configured', ...configuration('a:1', 'b:1'), changed: ['b:1', 'gone:1'] });
  assert.deepEqual(connections.received, [{ type: 'leave' }]);
  connections.send(closed);
  assert.deepEqual(
    connections.inputs.map(({ peer }) => peer),
    ['a:1', 'b:1', 'b:1'],
  );
  assert.deepEqual(live(), ['a:1', 'b:1']);
});

test("a change of the host's groups is announced to every Bro", () => {
  const { bus, actor } = startEndpoint(sampleHost(), ['a:1', 'b:1']);
  bus.deliver({ type: 'schedule.groups', groups: ['x', 'y'] });
  const groups = Object.values(actor.getSnapshot().children).flatMap((child) => {
    const snapshot = child?.getSnapshot();
    return snapshot && 'context' in snapshot ? [snapshot.context.host.groups] : [];
  });
  assert.deepEqual(groups, [
    ['x', 'y'],
    ['x', 'y'],
  ]);
});

test('draining waits for the goodbyes, though not for ever', () => {
  const patient = startEndpoint(sampleHost(), ['a:1']);
  patient.bus.deliver({ type: 'extension.draining', reason: '' });
  assert.equal(patient.state(), 'draining');
  patient.connections.send(closed);
  assert.equal(patient.actor.getSnapshot().status, 'done');

  const impatient = startEndpoint(sampleHost(), ['a:1']);
  impatient.bus.deliver({ type: 'extension.draining', reason: '' });
  impatient.clock.increment(5_000);
  assert.equal(impatient.actor.getSnapshot().status, 'done');
});
