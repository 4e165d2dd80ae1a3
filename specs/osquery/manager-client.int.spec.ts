import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createManagerClient, type ManagerClient } from '../../src/osquery/manager-client.ts';
import { OsqueryError } from '../../src/osquery/osquery-error.ts';
import type { WireExtensionInfo, WireRegistry } from '../../src/osquery/wire.ts';
import { eventually } from '../support/eventually.ts';
import { dispatch, readRecording, readReply } from '../support/osquery-recording.ts';
import { socketDirectory, thriftServer } from '../support/unix-socket.ts';

const OK_RESPONSE =
  '80010002000000057175657279000000010c00000c0001080001000000000b0002000000024f4b0a0003000000000000000000' +
  '0f00020d000000000000';

function info(wire: WireExtensionInfo) {
  return {
    name: wire.name,
    version: wire.version,
    sdkVersion: wire.sdk_version,
    minSdkVersion: wire.min_sdk_version,
  };
}

/** The recorded methods, made with our client. */
function ours(client: ManagerClient, results: unknown[]) {
  const keep = async (result: Promise<unknown>) => results.push(await result);
  return {
    ping: () => keep(client.ping()),
    registerExtension: (wire: WireExtensionInfo, registry: WireRegistry) =>
      keep(client.registerExtension(info(wire), registry)),
    deregisterExtension: (uuid: object) => keep(client.deregisterExtension(Number(uuid))),
    extensions: () => keep(client.extensions()),
    options: () => keep(client.options()),
    query: (sql: string) => keep(client.query(sql)),
    getQueryColumns: (sql: string) => keep(client.getQueryColumns(sql)),
    call: (registry: string, item: string, request: Record<string, string>) =>
      keep(client.call(registry, item, request)),
  };
}

for (const name of ['s01_basic_update', 's11b_clean_reregister', 's12_bad_updates', 's16_all_plugins']) {
  test(`our requests are, byte for byte, those of the recorded extension (${name})`, async (t) => {
    const path = join(socketDirectory(t), 'osq.em');
    const calls = readRecording(name).filter((call) => call.sock === 'manager');
    assert.ok(calls.length > 0);
    const seen: Buffer[] = [];
    await thriftServer(t, path, ({ bytes }, socket) => {
      seen.push(Buffer.from(bytes));
      socket.write(calls[seen.length - 1]?.reply ?? Buffer.alloc(0));
    });
    for (const conn of new Set(calls.map((call) => call.conn))) {
      const client = createManagerClient({ path, queryDeadline: 10_000 });
      for (const call of calls.filter((each) => each.conn === conn)) {
        const results: unknown[] = [];
        await dispatch(call.request, ours(client, results)).catch((error: unknown) => results.push(error));
        assert.equal(results.length, 1);
        const reply = (await readReply(call.method, call.reply)) as ReplyLike;
        const refusal = reply.status?.message ?? reply.message;
        const code = reply.status?.code ?? reply.code ?? 0;
        if (code !== 0 && call.method !== 'call') {
          assert.deepEqual(results[0], new OsqueryError('refused', refusal ?? '', code));
        } else {
          assert.ok(!(results[0] instanceof Error), String(results[0]));
        }
      }
      client.close();
    }
    assert.deepEqual(
      seen,
      calls.map((call) => call.request),
    );
  });
}

interface ReplyLike {
  readonly status?: { readonly code: number; readonly message: string };
  readonly code?: number;
  readonly message?: string;
}

/** Plays the replies of a recording in order. */
async function playing(t: TestContext, name: string, method: string): Promise<ManagerClient> {
  const path = join(socketDirectory(t), 'osq.em');
  const replies = readRecording(name).filter((call) => call.sock === 'manager' && call.method === method);
  let next = 0;
  await thriftServer(t, path, ({ bytes }, socket) => {
    const reply = Buffer.from(replies[next]?.reply ?? '');
    next += 1;
    // The sequence numbers were those of a longer talk.
    bytes.copy(reply, 8 + method.length, 8 + method.length, 12 + method.length);
    socket.write(reply);
  });
  const client = createManagerClient({ path });
  t.after(() => client.close());
  return client;
}

test('what osquery answers comes as plain values', async (t) => {
  const registering = await playing(t, 's01_basic_update', 'registerExtension');
  const probe = { name: 'probe', version: '0.1.0', sdkVersion: '5.0.0', minSdkVersion: '0.0.0' };
  assert.equal(await registering.registerExtension(probe, { logger: { probe: [] } }), 11019);

  const listing = await playing(t, 's01_basic_update', 'extensions');
  assert.deepEqual(await listing.extensions(), new Map([[11019, probe]]));

  const querying = await playing(t, 's01_basic_update', 'query');
  assert.deepEqual(
    (await querying.query('SELECT unix_time, weekday FROM time')).map((row) => ({ ...row })),
    [{ unix_time: '1795496674', weekday: 'Tuesday' }],
  );

  const columns = await playing(t, 's01_basic_update', 'getQueryColumns');
  assert.deepEqual(await columns.getQueryColumns('SELECT …'), [
    { name: 'unix_time', type: 'INTEGER' },
    { name: 'weekday', type: 'TEXT' },
    { name: 'one', type: 'INTEGER' },
    { name: 'd', type: 'UNKNOWN' },
    { name: 's', type: 'TEXT' },
  ]);

  const options = await playing(t, 's01_basic_update', 'options');
  const flags = await options.options();
  assert.equal(flags.size, 200);
  assert.deepEqual(flags.get('extensions_socket')?.type, 'string');
});

test("a refusal carries osquery's own message", async (t) => {
  const client = await playing(t, 's11b_clean_reregister', 'deregisterExtension');
  await assert.rejects(
    client.deregisterExtension(1),
    new OsqueryError('refused', 'No extension UUID found', 1),
  );
});

test('bytes of a row that are no UTF-8 come as surrogate escapes, and go out as they were', async (t) => {
  const path = join(socketDirectory(t), 'osq.em');
  const seen: Buffer[] = [];
  await thriftServer(t, path, ({ bytes }, socket) => {
    seen.push(Buffer.from(bytes));
    const rows = Buffer.from('0f00020d000000010b0b00000001000000016100000002ff620000', 'hex');
    socket.write(Buffer.concat([Buffer.from(OK_RESPONSE, 'hex').subarray(0, -10), rows]));
  });
  const client = createManagerClient({ path });
  t.after(() => client.close());
  const rows = await client.query('SELECT \udcfe');
  assert.deepEqual({ ...rows[0] }, { a: '\udcffb' });
  assert.ok(seen[0]?.includes(Buffer.from('53454c45435420fe', 'hex')));
});

test('a call that is not answered in time fails alone, and its connection is not used again', async (t) => {
  const path = join(socketDirectory(t), 'osq.em');
  const late: (() => void)[] = [];
  const server = await thriftServer(t, path, ({ bytes }, socket) => {
    if (bytes.includes('slow')) late.push(() => socket.write(Buffer.from(OK_RESPONSE, 'hex')));
    else socket.write(Buffer.from(OK_RESPONSE, 'hex'));
  });
  const client = createManagerClient({ path });
  t.after(() => client.close());
  await assert.rejects(
    client.query('slow', 30),
    new OsqueryError('timeout', `osquery did not answer query on ${path} within 30 ms`),
  );
  assert.deepEqual(await client.query('fast'), []);
  await eventually('it is answered late', () => late.length > 0);
  for (const answer of late) answer();
  await eventually('one connection is left', () => server.connections() <= 1);
});

test('a query that was given up counts as running until osqueryd has done with it', async (t) => {
  const path = join(socketDirectory(t), 'osq.em');
  const late: (() => void)[] = [];
  await thriftServer(t, path, ({ bytes }, socket) => {
    const answer = () => socket.write(Buffer.from(OK_RESPONSE, 'hex'));
    if (bytes.includes('slow')) late.push(answer);
    else answer();
  });
  const client = createManagerClient({ path, concurrentQueries: 1 });
  t.after(() => client.close());
  await assert.rejects(client.query('slow', 20), { kind: 'timeout' });
  await assert.rejects(
    client.query('fast', 20),
    new OsqueryError('timeout', 'osquery was busy for 20 ms with 1 other queries of this program'),
  );
  const waiting = client.query('fast');
  await eventually('it is answered late', () => late.length > 0);
  for (const answer of late) answer();
  assert.deepEqual([...(await waiting)], []);
});

test('queries without end delay only their own callers', async (t) => {
  const path = join(socketDirectory(t), 'osq.em');
  await thriftServer(t, path, ({ bytes }, socket) => {
    if (bytes.includes('endless')) return;
    const reply = Buffer.from(OK_RESPONSE, 'hex');
    bytes.copy(reply, 13, 13, 17);
    socket.write(reply);
  });
  const client = createManagerClient({ path, concurrentQueries: 2 });
  t.after(() => client.close());
  const endless = [1, 2, 3].map(() => client.query('endless', 20, 'zeek:9999'));
  const given = await Promise.allSettled(endless);
  assert.deepEqual(
    given.map((one) => one.status),
    ['rejected', 'rejected', 'rejected'],
  );
  await assert.rejects(
    client.query('one more', 20, 'zeek:9999'),
    new OsqueryError('timeout', 'osquery was busy for 20 ms with 2 other queries of zeek:9999'),
  );
  assert.deepEqual([...(await client.query('of another', undefined, 'other:9999'))], []);
  assert.deepEqual([...(await client.query('our own'))], []);
});

test('only so many queries are in osqueryd at a time, other calls pass by', async (t) => {
  const path = join(socketDirectory(t), 'osq.em');
  const held: (() => void)[] = [];
  let most = 0;
  await thriftServer(t, path, ({ bytes }, socket) => {
    if (bytes.includes('ping')) {
      const pong = readRecording('s01_basic_update').find((call) => call.method === 'ping')?.reply;
      const reply = Buffer.from(pong ?? '');
      bytes.copy(reply, 12, 12, 16);
      socket.write(reply);
      return;
    }
    held.push(() => {
      const reply = Buffer.from(OK_RESPONSE, 'hex');
      bytes.copy(reply, 13, 13, 17);
      socket.write(reply);
    });
    most = Math.max(most, held.length);
  });
  const client = createManagerClient({ path, concurrentQueries: 4 });
  t.after(() => client.close());
  const queries = Array.from({ length: 20 }, () => client.query('SELECT 1'));
  const all = Promise.all(queries);
  for (let answered = 0; answered < 20; ) {
    await client.ping();
    for (const answer of held.splice(0)) {
      answer();
      answered += 1;
    }
  }
  await all;
  assert.equal(most <= 4, true, `${most} at a time`);
});

test('an answer to something else ends the call and the connection', async (t) => {
  const path = join(socketDirectory(t), 'osq.em');
  await thriftServer(t, path, (_message, socket) => {
    socket.write(Buffer.from(OK_RESPONSE, 'hex').fill(0x63, 8, 13));
  });
  const client = createManagerClient({ path });
  await assert.rejects(
    client.query('SELECT 1'),
    (error) => error instanceof OsqueryError && error.kind === 'protocol',
  );
  client.close();
  await assert.rejects(
    client.ping(),
    (error) => error instanceof OsqueryError && error.kind === 'unreachable',
  );
});

test("an unknown method is reported with osquery's message", async (t) => {
  const path = join(socketDirectory(t), 'osq.em');
  const reply =
    '80010003000000057175657279000000010b00010000001d496e76616c6964206d6574686f64206e616d653a20276e6f7375636827' +
    '0800020000000100';
  await thriftServer(t, path, (_message, socket) => socket.write(Buffer.from(reply, 'hex')));
  const client = createManagerClient({ path });
  t.after(() => client.close());
  await assert.rejects(
    client.query('SELECT 1'),
    new OsqueryError('protocol', "invalid Thrift reply to query: Invalid method name: 'nosuch'"),
  );
});

test('a watch says at once that osqueryd has gone, once', async (t) => {
  const path = join(socketDirectory(t), 'osq.em');
  const server = await thriftServer(t, path, () => undefined);
  const client = createManagerClient({ path });
  t.after(() => client.close());
  const said: OsqueryError[] = [];
  const gone = Promise.withResolvers<void>();
  client.watch((why) => {
    said.push(why);
    gone.resolve();
  });
  const stop = client.watch(() => assert.fail('this watch was stopped'));
  stop();
  await eventually('it is connected', () => server.connections() > 0);
  await server.close();
  await gone.promise;
  assert.deepEqual(
    said.map(({ kind, message }) => ({ kind, message })),
    [{ kind: 'unreachable', message: `no osqueryd on ${path}: osquery closed the connection` }],
  );
});

test('where there is no osqueryd, calls and watches say so', async (t) => {
  const path = join(socketDirectory(t), 'none.em');
  const client = createManagerClient({ path });
  t.after(() => client.close());
  const expected = `no osqueryd on ${path}: connect ENOENT ${path}`;
  await assert.rejects(client.ping(), (error) => error instanceof OsqueryError && error.message === expected);
  const why = await new Promise<OsqueryError>((resolve) => client.watch(resolve));
  assert.equal(why.message, expected);
});

test('a path that is too long for a unix socket is named', () => {
  const path = `/${'x'.repeat(97)}`;
  assert.throws(
    () => createManagerClient({ path }),
    new OsqueryError(
      'unreachable',
      "the path of osquery's socket has 98 bytes, a unix socket allows 97 here (an extension's path is longer " +
        `by its uuid): give osqueryd a shorter --extensions_socket than ${path}`,
    ),
  );
  createManagerClient({ path: path.slice(1) }).close();
});
