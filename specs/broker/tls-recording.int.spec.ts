import assert from 'node:assert/strict';
import { createServer, connect as netConnect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { connectTcp } from '../../src/broker/tcp-connection.ts';
import { listenTcp } from '../../src/broker/tcp-server.ts';
import { recordedChunks } from '../support/broker-recordings.ts';
import { recordHandlers } from '../support/recorded-connection.ts';

/** The first record of either side of Broker's default TLS, as recorded. */
const [clientHello, serverFlight] = recordedChunks('broker-node-tls-anonymous').map((chunk) => chunk.bytes);
const ID = '22222222-2222-4222-8222-222222222222';
const AECDH_AES256_SHA = 0xc019;
const SECP384R1 = 0x0018;

/** Cuts TLS records of type handshake (22) into handshake messages. */
function handshakeMessages(stream: Buffer): { readonly type: number; readonly body: Buffer }[] {
  let payload = Buffer.alloc(0);
  for (let at = 0; at + 5 <= stream.length && stream[at] === 22; ) {
    const end = at + 5 + stream.readUInt16BE(at + 3);
    payload = Buffer.concat([payload, stream.subarray(at + 5, end)]);
    at = end;
  }
  const messages: { readonly type: number; readonly body: Buffer }[] = [];
  for (let at = 0; at + 4 <= payload.length; ) {
    const end = at + 4 + payload.readUIntBE(at + 1, 3);
    messages.push({ type: payload[at] ?? 0, body: payload.subarray(at + 4, end) });
    at = end;
  }
  return messages;
}

async function collect(context: TestContext, wanted: number, start: (done: (chunk: Buffer) => void) => void) {
  return new Promise<Buffer>((resolve) => {
    let all = Buffer.alloc(0);
    context.after(() => resolve(all));
    start((chunk) => {
      all = Buffer.concat([all, chunk]);
      if (handshakeMessages(all).length >= wanted) resolve(all);
    });
  });
}

test("our listener answers a Broker's recorded ClientHello as that Broker's peer did", async (context) => {
  const listener = await listenTcp(
    { host: '127.0.0.1', port: 0, endpointId: ID, filter: [], security: 'tls' },
    (connection) => recordHandlers().take(connection),
  );
  context.after(() => listener.close());
  const socket = netConnect({ host: '127.0.0.1', port: listener.port });
  context.after(() => socket.destroy());
  const answer = await collect(context, 3, (done) => {
    socket.on('data', done);
    socket.write(clientHello ?? '');
  });
  const shape = (stream: Buffer) =>
    handshakeMessages(stream)
      .slice(0, 3)
      .map(({ type, body }) => {
        // ServerHello: version, random, session id, suite; ServerKeyExchange: named curve (3), its number.
        const suite = type === 2 ? body.readUInt16BE(35 + (body[34] ?? 0)) : undefined;
        const curve = type === 12 ? body.readUInt16BE(1) : undefined;
        return { type, suite, curve };
      });
  assert.deepEqual(shape(answer), [
    { type: 2, suite: AECDH_AES256_SHA, curve: undefined },
    { type: 12, suite: undefined, curve: SECP384R1 },
    { type: 14, suite: undefined, curve: undefined },
  ]);
  assert.deepEqual(shape(answer), shape(serverFlight ?? Buffer.alloc(0)));
});

test("our client takes a Broker's recorded answer to its ClientHello and sends its key", async (context) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => server.close());
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const recorded = recordHandlers();
  const said = collect(context, 2, (done) =>
    server.on('connection', (socket) => {
      context.after(() => socket.destroy());
      socket.on('error', () => undefined);
      socket.once('data', () => socket.write(serverFlight ?? ''));
      socket.on('data', done);
    }),
  );
  const options = { host: '127.0.0.1', port, endpointId: ID, filter: [], security: 'tls' as const };
  recorded.take(connectTcp(options, recorded.handlers));
  context.after(() => recorded.connection.destroy());
  const [hello, key] = handshakeMessages(await said);
  assert.equal(hello?.type, 1);
  const suites = hello.body.subarray(35 + (hello.body[34] ?? 0));
  const offered = Array.from({ length: suites.readUInt16BE(0) / 2 }, (_, index) =>
    suites.readUInt16BE(2 + index * 2),
  );
  assert.ok(offered.includes(AECDH_AES256_SHA));
  // ClientKeyExchange with a point of P-384, as in the recording: 97 bytes and their length.
  assert.deepEqual([key?.type, key?.body.length], [16, 98]);
});
