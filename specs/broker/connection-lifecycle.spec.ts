import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type ConnectionPhase, DEFAULT_TIMINGS, type Remote } from '../../src/broker/connection.ts';
import {
  type Carrier,
  type Channel,
  ConnectionLifecycle,
  type LifecyclePhase,
} from '../../src/broker/connection-lifecycle.ts';
import { manualClock } from '../support/manual-clock.ts';
import { recordHandlers } from '../support/recorded-connection.ts';

const REMOTE: Remote = {
  incarnation: 'i1',
  filter: [],
  transport: 'tcp',
  authenticated: false,
  version: '',
  confirms: true,
};

/** A connection whose carrier and channel are in the spec's hand. */
function startLife(filter: readonly string[] = ['/a']) {
  const clock = manualClock();
  const told = recordHandlers();
  const did: string[] = [];
  const lifecycle = new ConnectionLifecycle({ peerName: 'zeek:1', filter, clock }, told.handlers);
  const carrier = (name: string, more: Partial<Carrier> = {}): Carrier => ({
    end: ({ code }, how) => did.push(`${name} ends ${how}: ${code}`),
    ...more,
  });
  const channel: Channel = {
    async send(topic) {
      did.push(`send ${topic}`);
    },
    async confirm() {
      did.push('confirm');
    },
  };
  const peering = carrier('peering', {
    goodbye: () => did.push('goodbye'),
    subscribe: (wanted, before) => did.push(`subscribe ${wanted} after ${before}`),
  });
  const up = () => lifecycle.up(peering, channel, REMOTE);
  return { clock, told, did, lifecycle, carrier, channel, peering, up };
}

describe('a connection', () => {
  test('comes up phase by phase, and takes events once it is', async () => {
    const { lifecycle, told, did, up } = startLife();
    await assert.rejects(lifecycle.send('/t', []), { code: 'not-up', message: /zeek:1 is not up yet/ });
    for (const phase of ['resolving', 'connecting', 'securing', 'handshaking'] as const)
      lifecycle.enterPhase(phase);
    up();
    assert.deepEqual(told.phases, ['resolving', 'connecting', 'securing', 'handshaking']);
    assert.deepEqual(told.remote, REMOTE);
    assert.equal(lifecycle.at, 'up');
    await lifecycle.send('/t', []);
    await lifecycle.confirm();
    assert.deepEqual(did, ['send /t', 'confirm']);
  });

  test('that is not up in time ends, and what was below it ends with it', () => {
    const { lifecycle, told, did, clock, carrier, up } = startLife();
    lifecycle.setCarrier(carrier('socket'));
    lifecycle.setDeadline(100, () => lifecycle.close('connect-timeout', 'zeek:1 did not answer'));
    clock.advance(100);
    assert.equal(told.closed?.code, 'connect-timeout');
    assert.deepEqual(did, ['socket ends now: connect-timeout']);
    // What comes after the end changes nothing, and is ended itself.
    lifecycle.setCarrier(carrier('late socket'));
    up();
    lifecycle.enterPhase('handshaking');
    assert.deepEqual(did.slice(1), ['late socket ends now: connect-timeout']);
    assert.equal(told.remote, undefined);
  });

  test('that is left before it is up ends at once', async () => {
    const { lifecycle, told, did, carrier } = startLife();
    lifecycle.setCarrier(carrier('socket'));
    await lifecycle.leave();
    assert.deepEqual(told.closed, {
      code: 'left',
      message: 'gave up connecting to zeek:1',
      refused: false,
    });
    assert.deepEqual(did, ['socket ends now: left']);
  });

  test('that is left sends one goodbye, accepts no more events, and ends when the peer has answered or its time is over', async () => {
    const { lifecycle, told, did, clock, up } = startLife();
    up();
    const leaving = [lifecycle.leave(), lifecycle.leave()];
    await assert.rejects(lifecycle.send('/t', []), { code: 'not-up', message: /is closing/ });
    await lifecycle.confirm();
    assert.equal(lifecycle.at, 'leaving');
    clock.advance(DEFAULT_TIMINGS.leave);
    await Promise.all(leaving);
    assert.deepEqual(did, ['goodbye', 'confirm', 'peering ends now: left']);
    assert.match(told.closed?.message ?? '', /did not answer within 3000 ms/);
  });

  test('whose peer leaves takes events until the peer has closed, or its time is over', async () => {
    const { lifecycle, told, clock, did, up } = startLife();
    up();
    lifecycle.peerLeaves(() => lifecycle.close('goodbye', 'zeek:1 disconnected (clean shutdown)'));
    assert.equal(lifecycle.at, 'peer-leaving');
    await lifecycle.send('/t', []);
    clock.advance(DEFAULT_TIMINGS.leave);
    assert.equal(told.closed?.code, 'goodbye');
    assert.deepEqual(did, ['send /t', 'peering ends now: goodbye']);
    await assert.rejects(lifecycle.send('/t', []), { name: 'ConnectionError', code: 'goodbye' });
    await assert.rejects(lifecycle.confirm(), { name: 'ConnectionError', code: 'goodbye' });
  });

  test('passes on changed topics', () => {
    const { lifecycle, did, up } = startLife(['/a']);
    lifecycle.subscribe(['/b']);
    up();
    lifecycle.subscribe(['/c']);
    lifecycle.destroy();
    lifecycle.subscribe(['/d']);
    assert.deepEqual(did, ['subscribe /c after /b', 'peering ends now: left']);
    assert.deepEqual(lifecycle.filter, ['/d']);
  });
});

const ORDER: readonly LifecyclePhase['at'][] = ['up', 'peer-leaving', 'leaving', 'closed'];

test('whatever happens, it goes on and never back, comes up once at the most, and ends once, as the last of all', () => {
  const step = fc.oneof(
    fc.constantFrom<ConnectionPhase>('resolving', 'connecting', 'securing', 'handshaking'),
    fc.constantFrom('carry', 'up', 'leave', 'peerLeaves', 'problem', 'expect', 'close', 'destroy', 'wait'),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const { lifecycle, told, did, clock, carrier, up } = startLife();
      let [furthest, ups] = [-1, 0];
      for (const one of steps) {
        const couldCome = lifecycle.isPending;
        switch (one) {
          case 'carry':
            if (couldCome) lifecycle.setCarrier(carrier('socket'));
            break;
          case 'up':
            if (couldCome) ups += 1;
            up();
            break;
          case 'leave':
            void lifecycle.leave();
            break;
          case 'peerLeaves':
            lifecycle.peerLeaves(() => lifecycle.close('goodbye', ''));
            break;
          case 'problem':
            lifecycle.problem('x');
            break;
          case 'expect':
            if (couldCome) lifecycle.setDeadline(10, () => lifecycle.close('handshake-timeout', ''));
            break;
          case 'close':
            lifecycle.close('reset', '');
            break;
          case 'destroy':
            lifecycle.destroy();
            break;
          case 'wait':
            clock.advance(DEFAULT_TIMINGS.leave);
            break;
          default:
            // The recorder throws at whatever is told after the end.
            lifecycle.enterPhase(one);
        }
        const place = ORDER.indexOf(lifecycle.at);
        assert.ok(place >= furthest, `${lifecycle.at} after ${ORDER[furthest]}`);
        furthest = place;
      }
      lifecycle.close('reset', '');
      assert.ok(told.closed);
      assert.equal(told.remote !== undefined, ups === 1);
      assert.ok(ups <= 1);
      assert.ok(did.filter((line) => line.includes(' ends ')).length <= 1);
      assert.equal(clock.pending, 0);
    }),
  );
});
