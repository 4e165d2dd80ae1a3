import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { wireOf } from '../../src/broker/native-wire-connection.ts';
import { systemClock } from '../../src/broker/system-clock.ts';

test('what is written in one turn goes out as one write, and what ends at once is not lost', async (t) => {
  const server = createServer();
  t.after(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address);
  const socket = connect(address.port, '127.0.0.1');
  const [other] = (await once(server, 'connection')) as [Socket];
  const chunks: string[] = [];
  other.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
  await once(socket, 'connect');

  const wire = wireOf(socket, systemClock);
  assert.equal(wire.write(Buffer.from('rows ')), true);
  await Promise.resolve();
  wire.write(Buffer.from('ping'));
  await once(other, 'data');
  assert.deepEqual(chunks, ['rows ping']);

  wire.write(Buffer.from('drop'));
  wire.end();
  await once(other, 'end');
  assert.deepEqual(chunks, ['rows ping', 'drop']);
});
