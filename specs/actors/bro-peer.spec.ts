import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createActor, SimulatedClock } from 'xstate';
import {
  type ConnectionCommand,
  type ConnectionEvent,
  type LinkTiming,
  pauseAfter,
} from '../../actors/bro-link.ts';
import { broPeerMachine } from '../../actors/bro-peer.machine.ts';
import type { Host } from '../../src/vocabulary/model.ts';
import { busProbe, callbackProbe } from '../support/machine-ports.ts';
import { sampleHost } from '../support/sample-host.ts';

const PEER = 'zeek.example:9999';
const timing: LinkTiming = {
  backOffBase: 1_000,
  backOffMax: 60_000,
  refusedPause: 60_000,
  healthyAfter: 60_000,
};
const patience = { resyncWindow: 30_000, expiry: 3_600_000 };
const up = {
  type: 'connection.up',
  incarnation: 'i1',
  transport: 'tcp',
  authenticated: false,
  helloInterval: null,
} as const;
const phase = (name: 'resolving' | 'connecting' | 'securing' | 'handshaking') =>
  ({ type: 'connection.phase', phase: name }) as const;

function closed(changes: Partial<Extract<ConnectionEvent, { type: 'connection.closed' }>> = {}) {
  return {
    type: 'connection.closed',
    code: 'reset',
    reason: 'the peer closed',
    refused: false,
    upFor: 0,
    chance: 0.5,
    ...changes,
  } as const;
}

function startPeer() {
  const bus = busProbe();
  const connection = callbackProbe<ConnectionCommand, { peer: string; host: Host }, ConnectionEvent>();
  const clock = new SimulatedClock();
  const actor = createActor(
    broPeerMachine.provide({
      actions: { publish: bus.publish },
      actors: { inbox: bus.inbox, connection: connection.logic },
    }),
    { clock, input: { peer: PEER, host: sampleHost(), timing, patience } },
  );
  actor.start();
  return { actor, bus, connection, clock, link: () => actor.getSnapshot().value.link };
}

test('a Bro is reached phase by phase, each a state of its own', () => {
  const { connection, link, bus } = startPeer();
  const trail: unknown[] = [link()];
  for (const name of ['resolving', 'connecting', 'securing', 'handshaking'] as const) {
    connection.send(phase(name));
    trail.push(link());
  }
  connection.send(up);
  trail.push(link());
  assert.deepEqual(trail, [
    { linked: 'resolving' },
    { linked: 'resolving' },
    { linked: 'connecting' },
    { linked: 'securing' },
    { linked: 'handshaking' },
    { linked: { peered: { sync: 'resyncing', hello: 'said', health: 'responsive', rows: 'flowing' } } },
  ]);
  assert.deepEqual(bus.take(), [
    { type: 'peer.up', peer: PEER, incarnation: 'i1', transport: 'tcp', authenticated: false },
  ]);
});

test('a failed attempt is followed by another after a pause that doubles', () => {
  const { connection, clock, link, bus } = startPeer();
  const pauses: number[] = [];
  for (let attempt = 1; attempt <= 8; attempt += 1) {
    assert.equal(connection.inputs.length, attempt);
    connection.send(closed());
    assert.equal(link(), 'backingOff');
    const [down] = bus.take();
    assert.equal(down?.type, 'peer.down');
    const pause = down?.type === 'peer.down' ? (down.retryIn ?? 0) : 0;
    pauses.push(pause);
    clock.increment(pause - 1);
    assert.equal(link(), 'backingOff');
    clock.increment(1);
    assert.deepEqual(link(), { linked: 'resolving' });
  }
  assert.deepEqual(pauses, [750, 1_500, 3_000, 6_000, 12_000, 24_000, 45_000, 45_000]);
});

test('after a long healthy connection the next attempt comes at once', () => {
  const { connection, clock, link } = startPeer();
  connection.send(closed());
  clock.increment(750);
  connection.send(up);
  connection.send(closed({ upFor: 60_000, chance: 0.01 }));
  assert.equal(link(), 'backingOff');
  clock.increment(10);
  assert.deepEqual(link(), { linked: 'resolving' });
});

test('a Bro that refuses us is left in peace for long', () => {
  const { connection, clock, link } = startPeer();
  connection.send(closed({ refused: true, code: 'incompatible' }));
  assert.equal(link(), 'refused');
  clock.increment(59_999);
  assert.equal(link(), 'refused');
  clock.increment(1);
  assert.deepEqual(link(), { linked: 'resolving' });
});

test('a filter that must change is no failure', () => {
  const { connection, clock, link } = startPeer();
  connection.send(up);
  connection.send(closed({ code: 'filter-changed' }));
  clock.increment(0);
  assert.deepEqual(link(), { linked: 'resolving' });
  connection.send(closed());
  clock.increment(749);
  assert.equal(link(), 'backingOff');
  clock.increment(1);
  assert.deepEqual(link(), { linked: 'resolving' });
});

test('the resync window opens at each connect and its end is published', () => {
  const { connection, clock, bus, link } = startPeer();
  connection.send(up);
  bus.take();
  clock.increment(29_999);
  assert.deepEqual(bus.take(), []);
  clock.increment(1);
  assert.deepEqual(bus.take(), [{ type: 'peer.resynced', peer: PEER }]);
  assert.deepEqual(link(), {
    linked: { peered: { sync: 'settled', hello: 'said', health: 'responsive', rows: 'flowing' } },
  });
});

test('a connection lost within the resync window sweeps nothing', () => {
  const { connection, clock, bus } = startPeer();
  connection.send(up);
  connection.send(closed({ upFor: 100 }));
  bus.take();
  clock.increment(100_000);
  assert.deepEqual(
    bus.take().filter(({ type }) => type === 'peer.resynced'),
    [],
  );
});

test('a Bro that stops responding is suspect until it responds again, and both are published', () => {
  const { connection, link, bus } = startPeer();
  connection.send(up);
  bus.take();
  connection.send({ type: 'connection.suspect', suspect: true });
  assert.deepEqual(link(), {
    linked: { peered: { sync: 'resyncing', hello: 'said', health: 'suspect', rows: 'flowing' } },
  });
  connection.send({ type: 'connection.suspect', suspect: false });
  assert.deepEqual(link(), {
    linked: { peered: { sync: 'resyncing', hello: 'said', health: 'responsive', rows: 'flowing' } },
  });
  assert.deepEqual(bus.take(), [
    { type: 'peer.suspect', peer: PEER, suspect: true },
    { type: 'peer.suspect', peer: PEER, suspect: false },
  ]);
});

test('a stream that takes no rows holds them while the Bro is there, and what is wrong is known until it is well', () => {
  const { connection, link, actor } = startPeer();
  const trouble = () => actor.getSnapshot().context.streamTrouble;
  connection.send(up);
  connection.send({ type: 'connection.stream', trouble: 'it drops old rows', holdsRows: false });
  assert.deepEqual(link(), {
    linked: { peered: { sync: 'resyncing', hello: 'said', health: 'responsive', rows: 'flowing' } },
  });
  assert.equal(trouble(), 'it drops old rows');
  connection.send({ type: 'connection.stream', trouble: 'it is full', holdsRows: true });
  assert.deepEqual(link(), {
    linked: { peered: { sync: 'resyncing', hello: 'said', health: 'responsive', rows: 'held' } },
  });
  assert.equal(trouble(), 'it is full');
  connection.send({ type: 'connection.stream', trouble: '', holdsRows: false });
  assert.deepEqual(link(), {
    linked: { peered: { sync: 'resyncing', hello: 'said', health: 'responsive', rows: 'flowing' } },
  });
  connection.send({ type: 'connection.stream', trouble: 'it is gone', holdsRows: true });
  connection.send(closed({ upFor: 100 }));
  assert.equal(trouble(), '');
});

test('a Bro that stays away expires once; when it returns it is present again', () => {
  const { actor, connection, clock, bus } = startPeer();
  connection.send(up);
  connection.send(closed({ refused: true }));
  bus.take();
  for (let minute = 0; minute < 70; minute += 1) {
    clock.increment(60_000);
    if (actor.getSnapshot().value.link !== 'refused') connection.send(closed({ refused: true }));
  }
  assert.deepEqual(
    bus.take().filter(({ type }) => type === 'peer.expired'),
    [{ type: 'peer.expired', peer: PEER }],
  );
  assert.equal(actor.getSnapshot().value.presence, 'expired');
  clock.increment(60_000);
  connection.send(up);
  assert.equal(actor.getSnapshot().value.presence, 'present');
});

test('requests are numbered and published with the incarnation that asked', () => {
  const { connection, bus } = startPeer();
  connection.send(up);
  bus.take();
  const request = { type: 'join', vocabulary: 'zeek-osquery', group: 'g' } as const;
  for (let n = 1; n <= 2; n += 1) {
    connection.send({ type: 'connection.request', request, audience: { to: 'host' } });
    assert.deepEqual(bus.take(), [
      {
        type: 'peer.request',
        peer: PEER,
        incarnation: 'i1',
        requestId: n,
        request,
        audience: { to: 'host' },
      },
    ]);
  }
});

test('notices go to the connection while there is one', () => {
  const { connection, bus } = startPeer();
  const notice = { level: 'error', text: 'no such table: x' } as const;
  bus.deliver({ type: 'peer.tell', peer: PEER, notice });
  assert.deepEqual(connection.received, []);
  connection.send(up);
  bus.deliver({ type: 'peer.tell', peer: PEER, notice });
  assert.deepEqual(connection.received, [{ type: 'tell', notice }]);
  assert.deepEqual(bus.subjects(), ['peer.zeek%2Eexample:9999.tell']);
});

test('hello is repeated at the interval that the connection gives, for as long as it is up', () => {
  const { connection, clock, link } = startPeer();
  const hellos = () => connection.received.splice(0).map(({ type }) => type);
  connection.send({ ...up, helloInterval: 60_000 });
  assert.deepEqual(link(), {
    linked: { peered: { sync: 'resyncing', hello: 'repeating', health: 'responsive', rows: 'flowing' } },
  });
  clock.increment(59_999);
  assert.deepEqual(hellos(), []);
  clock.increment(1);
  assert.deepEqual(hellos(), ['hello']);
  clock.increment(60_000);
  assert.deepEqual(hellos(), ['hello']);
  connection.send(closed({ upFor: 120_000 }));
  clock.increment(1_000);
  connection.send(up);
  clock.increment(600_000);
  assert.deepEqual(hellos(), []);
});

test('a change of the host is announced to the Bro, and used at the next connect', () => {
  const { actor, connection, clock } = startPeer();
  connection.send(up);
  const host = sampleHost({ groups: ['other'] });
  actor.send({ type: 'host.changed', host });
  assert.deepEqual(connection.received, [{ type: 'host', host }]);
  connection.send(closed());
  clock.increment(1_000);
  assert.deepEqual(connection.inputs.at(-1), { peer: PEER, host });
});

test('draining disconnects cleanly and ends, from every state', () => {
  const peered = startPeer();
  peered.connection.send(up);
  peered.actor.send({ type: 'peer.drain' });
  assert.deepEqual(peered.link(), { linked: 'draining' });
  assert.deepEqual(peered.connection.received, [{ type: 'leave' }]);
  peered.connection.send(closed({ code: 'left' }));
  assert.equal(peered.actor.getSnapshot().status, 'done');
  assert.equal(peered.connection.live(), 0);

  const waiting = startPeer();
  waiting.connection.send(closed());
  waiting.actor.send({ type: 'peer.drain' });
  assert.equal(waiting.actor.getSnapshot().status, 'done');

  const refused = startPeer();
  refused.connection.send(closed({ refused: true }));
  refused.actor.send({ type: 'peer.drain' });
  assert.equal(refused.actor.getSnapshot().status, 'done');
});

test('a connection whose settings have changed takes leave, and the next one is made at once, no failure counted', () => {
  const { actor, bus, connection, link } = startPeer();
  connection.send(closed());
  assert.equal(actor.getSnapshot().context.failures, 1);
  actor.send({ type: 'endpoint.changed' });
  assert.deepEqual(link(), { linked: 'resolving' });
  connection.send(up);
  bus.take();
  actor.send({ type: 'endpoint.changed' });
  assert.deepEqual(link(), { linked: 'renewing' });
  assert.deepEqual(connection.received, [{ type: 'leave' }]);
  actor.send({ type: 'endpoint.changed' });
  connection.send(phase('handshaking'));
  assert.deepEqual(link(), { linked: 'renewing' });
  connection.send(closed({ code: 'left', reason: 'disconnected from zeek.example:9999' }));
  assert.deepEqual(link(), { linked: 'resolving' });
  assert.equal(connection.inputs.length, 3);
  assert.equal(connection.live(), 1);
  assert.equal(actor.getSnapshot().context.failures, 0);
  assert.equal(actor.getSnapshot().value.presence, 'absent');
  assert.deepEqual(bus.take(), [
    {
      type: 'peer.down',
      peer: PEER,
      code: 'left',
      reason: 'disconnected from zeek.example:9999',
      retryIn: 0,
    },
  ]);
});

test('a Zeek that refused us is tried at once with other settings; one that is left is left', () => {
  const refused = startPeer();
  refused.connection.send(closed({ refused: true }));
  assert.equal(refused.link(), 'refused');
  refused.actor.send({ type: 'endpoint.changed' });
  assert.deepEqual(refused.link(), { linked: 'resolving' });

  const leaving = startPeer();
  leaving.connection.send(up);
  leaving.actor.send({ type: 'endpoint.changed' });
  leaving.actor.send({ type: 'peer.drain' });
  assert.deepEqual(leaving.link(), { linked: 'draining' });
  leaving.actor.send({ type: 'endpoint.changed' });
  leaving.connection.send(closed({ code: 'left' }));
  assert.equal(leaving.actor.getSnapshot().status, 'done');
});

test('the pause is bounded whatever happened and whatever chance says', () => {
  fc.assert(
    fc.property(
      fc.record({
        failures: fc.nat(10_000),
        chance: fc.double({ min: 0, max: 1, noNaN: true }),
        refused: fc.boolean(),
      }),
      ({ failures, chance, refused }) => {
        const pause = pauseAfter(closed({ chance, refused }), failures, timing);
        assert.ok(pause >= 0 && pause <= 75_000, String(pause));
      },
    ),
  );
});

test('any sequence of events leaves the peer linked, waiting, or ended, with at most one connection', () => {
  const event = fc.oneof(
    fc.constantFrom(
      up,
      closed(),
      closed({ refused: true }),
      closed({ code: 'filter-changed', upFor: 99_999 }),
    ),
    fc.constantFrom(phase('resolving'), phase('connecting'), phase('securing'), phase('handshaking')),
    fc.constantFrom(
      { type: 'connection.suspect', suspect: true } as const,
      { type: 'connection.suspect', suspect: false } as const,
    ),
  );
  const step = fc.oneof(
    event.map((sent) => ({ sent })),
    fc.nat(100_000).map((wait) => ({ wait })),
    fc.constant({ change: true as const }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { actor, connection, clock, link } = startPeer();
      for (const one of steps) {
        if ('wait' in one) clock.increment(one.wait);
        else if ('change' in one) actor.send({ type: 'endpoint.changed' });
        else if (connection.live() > 0) connection.send(one.sent);
        const isLinked = typeof link() === 'object';
        assert.equal(connection.live(), isLinked ? 1 : 0);
      }
      actor.stop();
    }),
  );
});
