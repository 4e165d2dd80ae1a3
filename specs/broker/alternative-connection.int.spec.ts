import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { connectByAlternatives, WaysTaken } from '../../src/broker/alternative-connection.ts';
import type { Connection } from '../../src/broker/connection.ts';
import type { Listener } from '../../src/broker/listening-server.ts';
import { connectTcp } from '../../src/broker/tcp-connection.ts';
import { listenTcp } from '../../src/broker/tcp-server.ts';
import { type Recorded, recordHandlers } from '../support/recorded-connection.ts';

async function endpoint(t: TestContext): Promise<{ id: string; port: number; listener: Listener }> {
  const id = randomUUID();
  const listener = await listenTcp(
    { host: '127.0.0.1', port: 0, security: 'plain', endpointId: id, filter: [''] },
    (connection) => recordHandlers().take(connection),
  );
  t.after(() => listener.close());
  return { id, port: listener.port, listener };
}

/** Attempts to reach the ports in turn, as one endpoint. */
function attempts(t: TestContext, ports: readonly number[]) {
  const taken = new WaysTaken();
  return (): Recorded => {
    const recorded = recordHandlers();
    const connection: Connection = connectByAlternatives(
      { endpoint: 'zeek', ways: ports.length, filter: ['a'], taken },
      (way, filter, handlers) =>
        connectTcp(
          { host: '127.0.0.1', port: ports[way] ?? 0, security: 'plain', endpointId: randomUUID(), filter },
          handlers,
        ),
      recorded.handlers,
    );
    recorded.take(connection);
    t.after(() => connection.destroy());
    return recorded;
  };
}

test('the first way that is there is taken, and kept', async (t) => {
  const [first, second] = [await endpoint(t), await endpoint(t)];
  const attempt = attempts(t, [1, first.port, second.port]);
  const one = attempt();
  assert.equal((await one.up()).incarnation, first.id);
  await one.connection.send('a', [{ name: 'e', args: [] }]);
  await one.connection.confirm();
  await one.connection.leave();
  assert.equal(one.closed?.code, 'left');
  assert.equal((await attempt().up()).incarnation, first.id);
});

test('when the way is gone the next one is taken', async (t) => {
  const [first, second] = [await endpoint(t), await endpoint(t)];
  const attempt = attempts(t, [first.port, second.port]);
  const one = attempt();
  assert.equal((await one.up()).incarnation, first.id);
  await first.listener.close();
  await one.closing();
  assert.equal((await attempt().up()).incarnation, second.id);
});

test('where no way leads there it is one failure, which names them all', async (t) => {
  const attempt = attempts(t, [1, 2])();
  const { code, message } = await attempt.closing();
  assert.equal(code, 'connect-failed');
  assert.match(message, /127\.0\.0\.1:1.*127\.0\.0\.1:2/);
  await assert.rejects(attempt.connection.send('a', []), { code: 'connect-failed' });
});

test('who gives up tries no other way', async (t) => {
  const second = await endpoint(t);
  const attempt = attempts(t, [1, second.port])();
  attempt.connection.destroy();
  assert.equal((await attempt.closing()).code, 'left');
  assert.equal(attempt.remote, undefined);
});
