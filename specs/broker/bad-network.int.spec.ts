import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { parseEndpointAddress } from '../../src/broker/address.ts';
import type { Timings } from '../../src/broker/connection.ts';
import { count, string } from '../../src/broker/data.ts';
import { connectEndpoint } from '../../src/broker/endpoint-connection.ts';
import { listenEndpoint } from '../../src/broker/endpoint-server.ts';
import type { ZeekEvent } from '../../src/broker/zeek-event.ts';
import { type NetworkProxy, startProxy } from '../support/proxy.ts';
import { type Recorded, recordHandlers } from '../support/recorded-connection.ts';

/** A listener, a proxy before it, and a way to connect through the proxy. */
async function network(context: TestContext, scheme: 'broker' | 'ws', timings: Partial<Timings> = {}) {
  const accepted: Recorded[] = [];
  const at = (port: number) => {
    const address = parseEndpointAddress(`${scheme}://127.0.0.1:${port}`, { listening: true });
    return address.kind === 'nats' ? assert.fail() : address;
  };
  const common = { applicationName: 'spec', version: '8.0.10', filter: ['/t'] };
  const listener = await listenEndpoint(at(0), { ...common, endpointId: randomUUID() }, (connection) => {
    const recorded = recordHandlers();
    accepted.push(recorded);
    return recorded.take(connection);
  });
  const proxy: NetworkProxy = await startProxy(listener.port);
  const ours = randomUUID();
  context.after(async () => {
    await proxy.close();
    await listener.close();
  });
  const connect = (endpointId: string = ours) => {
    const recorded = recordHandlers();
    recorded.take(connectEndpoint(at(proxy.port), { ...common, endpointId, timings }, recorded.handlers));
    context.after(() => recorded.connection.destroy());
    return recorded;
  };
  return { proxy, accepted, connect };
}

const row = (n: number): ZeekEvent => ({ name: 'row', args: [count(n), string('x'.repeat(200))] });
const BATCH = 100;

for (const scheme of ['broker', 'ws'] as const) {
  test(`over ${scheme}:// a reader that stalls holds the sender back, and a slow one gets everything in order`, async (context) => {
    const { proxy, accepted, connect } = await network(context, scheme);
    const near = connect();
    await near.up();
    proxy.mode = 'stall';
    const batches = 200;
    let taken = 0;
    const sending = (async () => {
      for (; taken < batches; taken += 1) {
        await near.connection.send(
          '/t',
          Array.from({ length: BATCH }, (_, n) => row(taken * BATCH + n)),
        );
      }
      await near.connection.confirm();
    })();
    let last = -1;
    for (let still = 0; still < 20; still = taken === last ? still + 1 : 0) {
      last = taken;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    // The window starts at 64 kB: a batch here has some 25 kB.
    assert.ok(taken < 10, `${taken} batches were taken from us while the peer took nothing`);

    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    const watching = setInterval(() => {
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }, 10);
    proxy.mode = 'trickle';
    const [far] = accepted;
    assert.ok(far);
    await far.until(() => far.events.length >= BATCH * 20);
    proxy.mode = 'forward';
    await sending;
    await far.until(() => far.events.length === BATCH * batches);
    clearInterval(watching);
    assert.deepEqual(
      far.events.map(({ event }) => event.args[0]),
      Array.from({ length: BATCH * batches }, (_, n) => count(n)),
    );
    assert.equal(near.closed, undefined);
    assert.ok(most < 32 * 1024 * 1024, `${most} bytes more in buffers`);
  });

  test(`over ${scheme}:// a peer that vanishes silently is declared lost in bounded time, and found again`, async (context) => {
    const { proxy, connect } = await network(context, scheme, { idle: 100, suspect: 100, unresponsive: 300 });
    const near = connect();
    await near.up();
    await near.connection.confirm();
    proxy.mode = 'silent';
    await near.until(() => near.suspects.length > 0);
    assert.deepEqual(near.suspects, [true]);
    assert.equal((await near.closing()).code, 'unresponsive');
    await assert.rejects(near.connection.confirm(), { code: 'unresponsive' });
    proxy.mode = 'forward';
    const again = connect();
    if (scheme === 'ws') {
      await again.up();
      return;
    }
    // Nothing told the native peer that the connection disconnected: it takes us for connected still, and says so.
    assert.equal((await again.closing()).code, 'stale');
    await connect(randomUUID()).up();
  });
}

test('a suspect that comes back is no suspect any more', async (context) => {
  const { proxy, connect } = await network(context, 'broker', {
    idle: 50,
    suspect: 50,
    unresponsive: 60_000,
  });
  const near = connect();
  await near.up();
  proxy.mode = 'stall';
  await near.until(() => near.suspects.length === 1);
  proxy.mode = 'forward';
  await near.until(() => near.suspects.length === 2);
  assert.deepEqual(near.suspects.slice(0, 2), [true, false]);
});
