import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { createBus } from '../../src/bus/bus.ts';
import { BusBridge } from '../../src/nats/bus-bridge-client.ts';
import { natsTarget, plainClient } from '../support/nats-fleet.ts';
import { noNatsServer, startNatsServer } from '../support/nats-server.ts';

function mirrored(t: TestContext, port: number, host: () => string | undefined, limit = 1_000) {
  const problems: string[] = [];
  const bridge = new BusBridge({
    target: natsTarget(port),
    prefix: 'bro',
    host,
    limit,
    retryAfter: 300,
    onProblem: (problem) => problems.push(problem),
  });
  t.after(() => bridge.close());
  let time = 0;
  const bus = createBus({ now: () => ++time, onFailure: (error) => assert.fail(String(error)) });
  bus.subscribe(['>'], bridge.take);
  return { bridge, bus, problems };
}

const up = (peer: string) =>
  ({ type: 'peer.up', peer, incarnation: 'i', transport: 'tcp', authenticated: false }) as const;

describe('the bus at a NATS server', { skip: noNatsServer }, () => {
  test('`nats sub bro.*.peer.*.up` sees the peers of every host that come up', async (t) => {
    const server = await startNatsServer(t);
    const client = await plainClient(t, server);
    const seen: [string, unknown][] = [];
    const two = Promise.withResolvers<void>();
    client.subscribe('bro.*.peer.*.up', {
      callback: (_, message) => {
        seen.push([message.subject, message.json()]);
        if (seen.length === 2) two.resolve();
      },
    });
    await client.flush();
    let host: string | undefined;
    const { bus } = mirrored(t, server.port, () => host);
    bus.publish(up('10.0.0.1:9999'));
    bus.publish({ type: 'osquery.lost', reason: 'it is gone' });
    // Until the host is known its messages wait.
    host = 'web.1';
    bus.publish(up('10.0.0.2:9999'));
    await two.promise;
    assert.deepEqual(seen, [
      [
        'bro.web%2E1.peer.10%2E0%2E0%2E1:9999.up',
        { ...up('10.0.0.1:9999'), at: 1, sequence: 1, subject: 'peer.10%2E0%2E0%2E1:9999.up' },
      ],
      [
        'bro.web%2E1.peer.10%2E0%2E0%2E2:9999.up',
        { ...up('10.0.0.2:9999'), at: 3, sequence: 3, subject: 'peer.10%2E0%2E0%2E2:9999.up' },
      ],
    ]);
  });

  test('a server that is away costs a push into a bounded queue, and what was dropped is reported when it is back', async (t) => {
    const server = await startNatsServer(t);
    await server.kill();
    const { bridge, bus, problems } = mirrored(t, server.port, () => 'h1', 10);
    const started = performance.now();
    for (let n = 0; n < 100_000; n += 1) bus.publish({ type: 'osquery.lost', reason: String(n) });
    const each = (performance.now() - started) / 100_000;
    assert.equal(bridge.dropped, 99_990);
    assert(each < 0.1, `${each} ms a message`);
    await server.restart();
    const client = await plainClient(t, server);
    const told = Promise.withResolvers<unknown>();
    client.subscribe('bro.h1.bridge.dropped', { callback: (_, message) => told.resolve(message.json()) });
    await client.flush();
    assert.deepEqual(await told.promise, { type: 'bridge.dropped', messages: 99_990 });
    for (const problem of problems) assert.match(problem, /not mirrored to NATS: .*refused the connection/);
  });

  test('it ends at once where there is no server', async (t) => {
    const server = await startNatsServer(t);
    await server.kill();
    const { bridge, bus } = mirrored(t, server.port, () => 'h1');
    bus.publish(up('a'));
    const started = performance.now();
    await bridge.close();
    assert(performance.now() - started < 5_000);
  });
});
