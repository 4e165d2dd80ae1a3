import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { ConnectedPeers } from '../../src/broker/connected-peers.ts';
import { count, string } from '../../src/broker/data.ts';
import type { NativeOptions } from '../../src/broker/native-connection.ts';
import { connectTcp } from '../../src/broker/tcp-connection.ts';
import { listenTcp } from '../../src/broker/tcp-server.ts';
import { type Recorded, recordHandlers } from '../support/recorded-connection.ts';

const SMALL = '00000000-0000-4000-8000-0000000000aa';
const LARGE = 'ffffffff-ffff-4fff-bfff-ffffffffffbb';

interface Pair {
  readonly near: Recorded;
  readonly far: Recorded;
}

async function peer(
  context: TestContext,
  near: Partial<NativeOptions>,
  far: Partial<NativeOptions> = {},
): Promise<Pair> {
  const farSide = recordHandlers();
  const listener = await listenTcp(
    { host: '127.0.0.1', port: 0, endpointId: randomUUID(), filter: ['/far'], security: 'plain', ...far },
    (connection) => farSide.take(connection),
  );
  const nearSide = recordHandlers();
  nearSide.take(
    connectTcp(
      {
        host: '127.0.0.1',
        port: listener.port,
        endpointId: randomUUID(),
        filter: ['/near'],
        security: 'plain',
        ...near,
      },
      nearSide.handlers,
    ),
  );
  context.after(async () => {
    nearSide.connection.destroy();
    await listener.close();
  });
  await Promise.all([nearSide.up(), farSide.up()]);
  return { near: nearSide, far: farSide };
}

for (const [order, nearId, farId] of [
  ['the connecting side has the smaller id', SMALL, LARGE],
  ['the connecting side has the larger id', LARGE, SMALL],
] as const) {
  test(`two endpoints peer, exchange events and part in good order when ${order}`, async (context) => {
    const { near, far } = await peer(context, { endpointId: nearId }, { endpointId: farId });
    assert.deepEqual(near.remote, {
      incarnation: farId,
      filter: ['/far'],
      transport: 'tcp',
      authenticated: false,
      version: '',
      confirms: true,
    });
    assert.deepEqual(far.remote?.filter, ['/near']);
    assert.deepEqual(near.phases, ['connecting', 'handshaking']);

    const hello = { name: 'Tst::hello', args: [string('a'), count(2n ** 64n - 1n)] };
    await near.connection.send('/far/x', [hello]);
    await near.connection.confirm();
    assert.deepEqual(far.events, [{ topic: '/far/x', event: hello }]);

    const rows = Array.from({ length: 250 }, (_, n) => ({ name: 'row', args: [count(n)] }));
    await far.connection.send('/near', rows);
    await far.connection.confirm();
    assert.deepEqual(
      near.events,
      rows.map((event) => ({ topic: '/near', event })),
    );

    await near.connection.leave();
    assert.equal(near.closed?.code, 'left');
    assert.equal((await far.closing()).code, 'goodbye');
  });
}

test('a changed filter reaches the peer without a reconnect', async (context) => {
  const { near, far } = await peer(context, {});
  await assert.doesNotReject(far.connection.send('/group/a', [{ name: 'lost', args: [] }]));
  near.connection.subscribe(['/near', '/group']);
  await near.connection.confirm();
  assert.deepEqual(far.filters, [['/near', '/group']]);
  await far.connection.send('/group/a', [{ name: 'heard', args: [] }]);
  await far.connection.confirm();
  assert.deepEqual(
    near.events.map(({ event }) => event.name),
    ['heard'],
  );
  assert.equal(far.problems.length, 1);
});

test('a second connection between the same endpoints is dropped as redundant, the first stays up', async (context) => {
  for (const [nearId, farId] of [
    [SMALL, LARGE],
    [LARGE, SMALL],
  ] as const) {
    const peers = new ConnectedPeers();
    const listener = await listenTcp(
      { host: '127.0.0.1', port: 0, endpointId: farId, filter: [], security: 'plain' },
      (connection) => recordHandlers().take(connection),
    );
    context.after(() => listener.close());
    const options = {
      host: '127.0.0.1',
      port: listener.port,
      endpointId: nearId,
      filter: [],
      security: 'plain' as const,
      peers,
    };
    const first = recordHandlers();
    first.take(connectTcp(options, first.handlers));
    await first.up();
    const second = recordHandlers();
    second.take(connectTcp(options, second.handlers));
    assert.equal((await second.closing()).code, 'redundant');
    await first.connection.confirm();
    await first.connection.leave();
  }
});

test('nothing can be sent before a connection is up or after it has closed', async (context) => {
  const { near, far } = await peer(context, {});
  near.connection.destroy();
  await assert.rejects(near.connection.send('/far', []), { name: 'ConnectionError', code: 'left' });
  await assert.rejects(near.connection.confirm(), { name: 'ConnectionError', code: 'left' });
  assert.equal((await far.closing()).code, 'reset');

  const fresh = recordHandlers();
  fresh.take(connectTcp({ host: '127.0.0.1', port: 1, endpointId: SMALL, filter: [] }, fresh.handlers));
  await assert.rejects(fresh.connection.send('/far', []), { name: 'ConnectionError', code: 'not-up' });
  assert.equal((await fresh.closing()).code, 'connect-failed');
});

test('a name without an address is distinguished from a port without a listener', async () => {
  const side = recordHandlers();
  side.take(connectTcp({ host: 'nobody.invalid', port: 9999, endpointId: SMALL, filter: [] }, side.handlers));
  assert.equal((await side.closing()).code, 'resolve-failed');
});
