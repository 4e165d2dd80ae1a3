import assert from 'node:assert/strict';
import { chmodSync, existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { ExtensionHandlers, ExtensionTrouble } from '../../src/osquery/extension-connection.ts';
import { type ExtensionServerOptions, listenExtension } from '../../src/osquery/extension-server.ts';
import { eventually } from '../support/eventually.ts';
import { readCallReply, readRecording } from '../support/osquery-recording.ts';
import { exchange, socketDirectory } from '../support/unix-socket.ts';

const OK = { code: 0, message: 'OK', rows: [] };
const PING = Buffer.from('800100010000000470696e670000000000', 'hex');
const pong = (uuid: number) =>
  `800100020000000470696e67000000000c0000080001000000000b000200000004706f6e670a0003${uuid
    .toString(16)
    .padStart(16, '0')}0000`;

interface Running {
  readonly path: string;
  readonly troubles: ExtensionTrouble[];
  readonly server: Awaited<ReturnType<typeof listenExtension>>;
}

async function running(
  t: TestContext,
  handlers: Partial<ExtensionHandlers> = {},
  options: Partial<ExtensionServerOptions> = {},
): Promise<Running> {
  const managerPath = join(socketDirectory(t), 'osq.em');
  const troubles: ExtensionTrouble[] = [];
  const server = await listenExtension({
    managerPath,
    uuid: 11019,
    handlers: {
      ping: () => ({ code: 0, message: 'pong' }),
      call: async () => OK,
      shutdown: () => undefined,
      ...handlers,
    },
    report: (trouble) => troubles.push(trouble),
    ...options,
  });
  t.after(() => server.close(0));
  return { path: server.path, troubles, server };
}

/** A logger call with one value of so many bytes, in pieces of a megabyte. */
function* logCall(bytes: number): Generator<Buffer> {
  const text = (value: string) => {
    const length = Buffer.alloc(4);
    length.writeInt32BE(value.length);
    return Buffer.concat([length, Buffer.from(value)]);
  };
  const length = Buffer.alloc(4);
  length.writeInt32BE(bytes);
  yield Buffer.concat([
    Buffer.from('800100010000000463616c6c000000000b0001', 'hex'),
    text('logger'),
    Buffer.from('0b0002', 'hex'),
    text('bro'),
    Buffer.from('0d00030b0b00000001', 'hex'),
    text('snapshot'),
    length,
  ]);
  const piece = Buffer.alloc(1024 * 1024, 'x');
  for (let left = bytes; left > 0; left -= piece.length) yield piece.subarray(0, left);
  yield Buffer.from('00', 'hex');
}

for (const name of [
  's01_basic_update',
  's06_batch',
  's07_snapshot',
  's07b_snapshot_events',
  's08_logevent',
  's16_all_plugins',
]) {
  test(`each recorded call of osqueryd gets, byte for byte, the recorded reply (${name})`, async (t) => {
    const calls = readRecording(name).filter((call) => call.sock === 'extension');
    const replies = await Promise.all(
      calls.filter((call) => call.method === 'call').map((call) => readCallReply(call.reply)),
    );
    const uuid = Number(replies[0]?.status?.uuid);
    let next = 0;
    let shutdowns = 0;
    const managerPath = join(socketDirectory(t), 'osq.em');
    const server = await listenExtension({
      managerPath,
      uuid,
      handlers: {
        ping: () => ({ code: 0, message: 'pong' }),
        call: async () => {
          const reply = replies[next];
          next += 1;
          const { code, message } = reply?.status ?? { code: 9, message: '' };
          return { code: code ?? 0, message: message ?? '', rows: reply?.response ?? [] };
        },
        shutdown: () => {
          shutdowns += 1;
        },
      },
      report: (trouble) => assert.fail(trouble.message),
    });
    t.after(() => server.close(0));
    for (const call of calls) {
      assert.deepEqual(await exchange(server.path, call.request), call.reply, `${call.method} ${call.conn}`);
    }
    assert.equal(next, replies.length);
    assert.equal(shutdowns, calls.filter((call) => call.method === 'shutdown').length);
  });
}

test('a request is understood however it is cut, and its strings are the very bytes', async (t) => {
  const requests: unknown[] = [];
  const { path } = await running(t, {
    call: async (registry, item, request) => {
      requests.push([registry, item, [...request]]);
      return OK;
    },
  });
  const call = readRecording('s01_basic_update').find(
    ({ sock, request }) => sock === 'extension' && request.includes('unixTime'),
  );
  const request = Buffer.from(call?.request ?? '');
  const at = request.indexOf('unixTime');
  request[at] = 0xff;
  const string = request.subarray(request.indexOf('{"name"'), -1).toString('latin1');
  for (let size = 1; size <= 64; size += 7) {
    const chunks = [];
    for (let start = 0; start < request.length; start += size) {
      chunks.push(request.subarray(start, start + size));
    }
    const reply = await exchange(path, ...chunks);
    assert.deepEqual(reply, call?.reply, `in pieces of ${size}`);
    assert.deepEqual(requests.pop(), [
      'logger',
      'probe',
      [
        ['category', 'event'],
        ['string', string],
      ],
    ]);
  }
});

test('several requests on one connection are answered in order', async (t) => {
  const { path } = await running(t);
  const replies = await new Promise<Buffer>((resolve) => {
    const socket = createConnection({ path });
    const parts: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => parts.push(chunk));
    socket.on('close', () => resolve(Buffer.concat(parts)));
    socket.end(Buffer.concat([PING, PING, PING]));
  });
  assert.equal(replies.toString('hex'), pong(11019).repeat(3));
});

test('an old-style message is read, its reply is strict', async (t) => {
  const { path } = await running(t);
  const reply = await exchange(path, Buffer.from('0000000470696e67010000000700', 'hex'));
  assert.equal(reply.toString('hex'), pong(11019).replace('0000000c', '0000070c'));
});

test('an unknown method is answered as osqueryd answers it', async (t) => {
  const { path, troubles } = await running(t);
  const reply = await exchange(path, Buffer.from('80010001000000066e6f737563680000000700', 'hex'));
  assert.equal(
    reply.toString('hex'),
    '80010003000000066e6f73756368000000070b00010000001d496e76616c6964206d6574686f64206e616d653a20276e6f7375636827' +
      '0800020000000100',
  );
  assert.deepEqual(troubles, []);
});

test('a handler that throws is a failed call, not a broken connection', async (t) => {
  const { path, troubles } = await running(t, {
    call: async () => {
      throw new Error('no such item');
    },
  });
  const [first] = readRecording('s01_basic_update').filter(
    ({ method, sock }) => method === 'call' && sock === 'extension',
  );
  const reply = await readCallReply(await exchange(path, first?.request ?? Buffer.alloc(0)));
  assert.equal(reply.status?.code, 1);
  assert.equal(reply.status?.message, 'no such item');
  assert.deepEqual(troubles, [{ kind: 'failed', message: 'logger/probe: no such item' }]);
});

const HOSTILE: readonly [string, string, string][] = [
  ['garbage', 'ffffffffffffffff', 'neither a Thrift version nor a method name (at byte 0 of the message)'],
  [
    'HTTP',
    '474554202f20485454502f312e310d0a0d0a',
    'a method name of 1195725856 bytes (at byte 0 of the message)',
  ],
  [
    'a framed message',
    `00000011${PING.toString('hex')}`,
    'a method name with invalid characters (at byte 4 of the message)',
  ],
  [
    'a string of 2 GB announced',
    '800100010000000463616c6c000000000b00017fffffff',
    'a string of 2147483647 bytes, allowed are 1073741824 bytes a message (at byte 19 of the message)',
  ],
  [
    'a map of two billion announced',
    '800100010000000463616c6c000000000d00030b0b7fffffff',
    'a container of 2147483647 elements, allowed are 1073741824 bytes a message (at byte 19 of the message)',
  ],
  [
    'a string of less than nothing',
    '800100010000000463616c6c000000000b0001ffffffff',
    'a string of -1 bytes (at byte 19 of the message)',
  ],
  [
    'an unknown type',
    '800100010000000463616c6c00000000070001',
    'unknown value type 7 (at byte 19 of the message)',
  ],
  [
    'structs without end in each other',
    `800100010000000463616c6c00000000${'0c0001'.repeat(70)}`,
    'more than 64 nested containers (at byte 208 of the message)',
  ],
  ['a reply', '800100020000000470696e670000000000', 'unexpected message type 2'],
  [
    'numbers where the request has strings',
    '800100010000000463616c6c000000000d00030808000000010000ffff0000ffff00',
    '65535 bytes past the end of the message (at byte 29 of the message)',
  ],
];

for (const [what, hex, message] of HOSTILE) {
  test(`${what} is refused and closed, others are served on`, async (t) => {
    const { path, troubles, server } = await running(t);
    const [reply, other] = await Promise.all([exchange(path, Buffer.from(hex, 'hex')), exchange(path, PING)]);
    assert.deepEqual(reply, Buffer.alloc(0));
    assert.equal(other.toString('hex'), pong(11019));
    assert.deepEqual(troubles, [{ kind: 'refused', message }]);
    assert.equal(server.held, 0);
  });
}

test('half a message and silence is closed after the time for that', async (t) => {
  const { path, troubles, server } = await running(t, {}, { limits: { idleTimeout: 300 } });
  const half = exchange(path, PING.subarray(0, 9));
  assert.equal((await exchange(path, PING)).toString('hex'), pong(11019));
  assert.deepEqual(await half, Buffer.alloc(0));
  assert.deepEqual(troubles, [{ kind: 'idle', message: 'timed out after 300 ms inside a message' }]);
  assert.equal(server.held, 0);
});

test('a slow answer is no silence', async (t) => {
  const answer = Promise.withResolvers<void>();
  const { path } = await running(
    t,
    {
      call: async () => {
        await answer.promise;
        return OK;
      },
    },
    { limits: { idleTimeout: 300 } },
  );
  const reply = exchange(path, ...logCall(10));
  // Another connection's silence ends in the meantime.
  await exchange(path, PING.subarray(0, 5));
  answer.resolve();
  assert.equal((await readCallReply(await reply)).status?.code, 0);
});

test('a value beyond the limit is dropped and reported, the log call answered with success', async (t) => {
  const calls: string[] = [];
  const { path, troubles } = await running(
    t,
    {
      call: async (registry) => {
        calls.push(registry);
        return OK;
      },
    },
    { limits: { string: 100_000 } },
  );
  for (const size of [100_001, 5_000_000]) {
    const reply = await readCallReply(await exchange(path, ...logCall(size)));
    assert.equal(reply.status?.code, 0);
    assert.deepEqual(troubles.splice(0), [
      {
        kind: 'oversized',
        message: `a value of ${size} bytes in a call of logger/bro is too long for this program`,
      },
    ]);
  }
  assert.deepEqual(calls, []);
  await exchange(path, ...logCall(100_000));
  assert.deepEqual(calls, ['logger']);
});

test('connections that together hold too much wait for each other, none fails', async (t) => {
  const { path, server } = await running(t, {}, { limits: { total: 300_000 } });
  const replies = await Promise.all(Array.from({ length: 8 }, () => exchange(path, ...logCall(250_000))));
  for (const reply of replies) assert.equal((await readCallReply(reply)).status?.code, 0);
  assert.equal(server.held, 0);
});

test('the socket has no wider permissions than the manager has, and goes when the server closes', async (t) => {
  const managerPath = join(socketDirectory(t), 'osq.em');
  for (const [manager, own] of [
    [0o755, 0o755],
    [0o700, 0o700],
    [0o777, 0o755],
  ] as const) {
    writeFileSync(managerPath, '');
    chmodSync(managerPath, manager);
    writeFileSync(`${managerPath}.7`, 'left by a dead extension');
    const server = await listenExtension({
      managerPath,
      uuid: 7,
      handlers: {
        ping: () => ({ code: 0, message: 'pong' }),
        call: async () => OK,
        shutdown: () => undefined,
      },
      report: (trouble) => assert.fail(trouble.message),
    });
    assert.equal(statSync(server.path).mode & 0o777, own);
    await server.close();
    assert.equal(existsSync(server.path), false);
  }
});

test('a server that closes still answers the call that it has', async (t) => {
  const answer = Promise.withResolvers<void>();
  const called = Promise.withResolvers<void>();
  const { path, server } = await running(t, {
    call: async () => {
      called.resolve();
      await answer.promise;
      return OK;
    },
  });
  const reply = exchange(path, ...logCall(10));
  const idle = exchange(path);
  await called.promise;
  const closed = server.close();
  assert.equal(existsSync(path), false);
  assert.deepEqual(await idle, Buffer.alloc(0));
  answer.resolve();
  assert.equal((await readCallReply(await reply)).status?.code, 0);
  await closed;
});

test('ten thousand connections one after the other leave no descriptor behind', async (t) => {
  const { path, server } = await running(t);
  await exchange(path, PING);
  const before = readdirSync('/proc/self/fd').length;
  for (let count = 0; count < 10_000; count += 1) {
    const reply = await exchange(path, PING);
    if (reply.length !== pong(11019).length / 2) assert.fail(`connection ${count} got ${reply.length} bytes`);
  }
  assert.equal(server.held, 0);
  const deadline = Date.now() + 5000;
  while (readdirSync('/proc/self/fd').length > before && Date.now() < deadline) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(readdirSync('/proc/self/fd').length <= before, true);
});

test('a line of 50 MB passes in less than 5 s and one of 200 MB passes too; then the memory is free', async (t) => {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const sizes: number[] = [];
  const { path, server } = await running(t, {
    call: async (_registry, _item, request) => {
      sizes.push(request.get('snapshot')?.length ?? 0);
      return OK;
    },
  });
  const used = () => {
    gc();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = used();
  const start = performance.now();
  assert.equal((await readCallReply(await exchange(path, ...logCall(50_000_000)))).status?.code, 0);
  const took = performance.now() - start;
  t.diagnostic(`50 MB in ${took.toFixed(0)} ms`);
  assert.equal(took < 5000, true, `${took} ms`);
  assert.equal((await readCallReply(await exchange(path, ...logCall(200_000_000)))).status?.code, 0);
  t.diagnostic(`200 MB in ${(performance.now() - start - took).toFixed(0)} ms`);
  assert.deepEqual(sizes, [50_000_000, 200_000_000]);
  assert.equal(server.held, 0);
  // What the last call held goes when its connection has come to its end on both sides.
  const deadline = Date.now() + 10_000;
  let more = used() - before;
  while (more >= 20_000_000 && Date.now() < deadline) {
    await new Promise((resolve) => setImmediate(resolve));
    more = used() - before;
  }
  assert.equal(more < 20_000_000, true, `${more} bytes more are in use`);
});

test('onRequest is called when a client connects, and its end when it has its reply or disconnects', {
  timeout: 30_000,
}, async (t) => {
  const record: string[] = [];
  const { path } = await running(
    t,
    {
      call: async () => {
        record.push('called');
        return OK;
      },
    },
    {
      onRequest: () => {
        record.push('came');
        return () => {
          record.push('served');
        };
      },
    },
  );
  await exchange(path, ...logCall(3_000_000));
  assert.deepEqual(record, ['came', 'called', 'served']);
  record.length = 0;
  const silent = createConnection({ path }, () => silent.destroy());
  await new Promise((resolve) => silent.on('close', resolve));
  await eventually('the visit has ended', () => record.includes('served'));
  assert.deepEqual(record, ['came', 'served']);
});
