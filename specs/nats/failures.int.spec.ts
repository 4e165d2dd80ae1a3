import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { Closed, Timings } from '../../src/broker/connection.ts';
import { real } from '../../src/broker/data.ts';
import { endingFailure } from '../../src/nats/failures.ts';
import type { NatsConnectOptions } from '../../src/nats/nats-connection.ts';
import type { NatsSettings } from '../../src/nats/settings.ts';
import { makeCredentials, makeNkey } from '../support/nats-credentials.ts';
import {
  connectPlainHost,
  natsTarget,
  numberedRow,
  plainClient,
  startPlainBro,
} from '../support/nats-fleet.ts';
import { noNatsServer, startNatsServer } from '../support/nats-server.ts';
import { certified, tlsFile } from '../support/tls-fixtures.ts';

const QUICK: Partial<Timings> = { connect: 3_000, handshake: 800 };

async function fileWith(t: TestContext, content: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'nats-secret-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'secret');
  await writeFile(path, content, { mode: 0o600 });
  return path;
}

/** How a connection with these settings ends that never comes up. */
async function ending(
  t: TestContext,
  port: number,
  settings: Partial<NatsSettings>,
  more: Partial<NatsConnectOptions> = {},
): Promise<Closed> {
  const host = connectPlainHost(t, port, { ...natsTarget(port, settings), timings: QUICK, ...more });
  const closed = await host.closing();
  assert.equal(host.remote, undefined);
  return { ...closed, message: closed.message.replace(/^\w+:\/\/[\w.]+:\d+/, '<server>') };
}

/** A server with two users: `bro` may do anything, `host` what is given. */
const users = (permissions: string) => `
  authorization { users = [
    { user: bro, password: secret }
    { user: host, password: secret, permissions: { ${permissions} } }
  ] }`;
const asBro = { user: 'bro', password: 'secret' };
const asHost = { user: 'host', password: 'secret' };

describe('what goes wrong at a NATS server', { skip: noNatsServer, concurrency: 4 }, () => {
  test('wrong credentials of each kind are refused, right ones are not', async (t) => {
    const known = makeNkey();
    const stranger = makeNkey();
    const server = await startNatsServer(t, {
      config: `authorization { users = [ { user: bro, password: secret }, { nkey: ${known.publicKey} } ] }`,
    });
    await startPlainBro(t, server, asBro);
    const advice =
      'check credentials, nkey, or user and password in the settings, and that the server knows them';
    const refusal: Closed = {
      code: 'refused',
      message: `<server> rejected our credentials ('Authorization Violation'): ${advice}`,
      refused: true,
    };
    assert.deepEqual(await ending(t, server.port, {}), refusal);
    assert.deepEqual(await ending(t, server.port, { user: 'bro', password: 'wrong' }), refusal);
    assert.deepEqual(await ending(t, server.port, { nkey: await fileWith(t, stranger.seed) }), refusal);
    const nkey = await fileWith(t, `${known.seed}\n`);
    await connectPlainHost(t, server.port, natsTarget(server.port, { nkey })).up();
  });

  test("a user's credentials file is taken by a server that trusts its operator, and no other is", async (t) => {
    const ours = makeCredentials();
    const theirs = makeCredentials();
    const server = await startNatsServer(t, { config: ours.config });
    const credentials = await fileWith(t, ours.file);
    await startPlainBro(t, server, { credentials });
    await connectPlainHost(t, server.port, natsTarget(server.port, { credentials })).up();
    const refused = await ending(t, server.port, { credentials: await fileWith(t, theirs.file) });
    assert.deepEqual([refused.code, refused.refused], ['refused', true]);
    const expired = makeCredentials(1_700_000_001);
    const old = await ending(t, server.port, { credentials: await fileWith(t, expired.file) });
    assert.deepEqual([old.code, old.refused], ['refused', true]);
  });

  test('files that hold no credentials are named, before anything is sent', async (t) => {
    const missing = await ending(t, 1, { credentials: '/nonexistent/user.creds' });
    assert.match(missing.message, /^can't read the credentials \/nonexistent\/user\.creds: ENOENT/);
    const empty = await ending(t, 1, { nkey: await fileWith(t, 'no seed') });
    assert.match(empty.message, /contains no valid credentials/);
    assert.deepEqual([missing.code, missing.refused, empty.code], ['refused', true, 'refused']);
    assert.match((await ending(t, 1, { user: 'u', nkey: '/f' })).message, /set only one of/);
  });

  test('TLS: an authority and a client certificate that fit, a wrong authority, none, and no TLS at all', async (t) => {
    const config = `tls { cert_file: "${tlsFile('zeek.pem')}", key_file: "${tlsFile('zeek.key')}",
      ca_file: "${tlsFile('ca.pem')}", verify: true, timeout: 5 }`;
    const server = await startNatsServer(t, { config });
    const tls = certified('host');
    const secure = { secure: true, tls };
    await startPlainBro(t, server, {}, 'bro-1', secure);
    for (const host of ['127.0.0.1', 'localhost']) {
      const { authenticated } = await connectPlainHost(t, server.port, { ...secure, host }).up();
      assert.equal(authenticated, true);
    }

    const wrong = await ending(t, server.port, {}, { secure: true, tls: certified('host', 'other-ca') });
    assert.deepEqual(wrong, {
      code: 'tls-untrusted',
      message:
        '<server> presented a certificate that no configured CA has signed (UNABLE_TO_VERIFY_LEAF_SIGNATURE)',
      refused: true,
    });
    const bare = await ending(t, server.port, {}, { secure: true, tls: { ca: tlsFile('ca.pem') } });
    // The server's word may be lost on the way, as it hangs up on what it has not read yet.
    assert.ok(['tls-untrusted', 'reset'].includes(bare.code), bare.code);
    assert.match(bare.message, /certificate/);
    const plain = await ending(t, server.port, {});
    assert.deepEqual([plain.code, plain.refused], ['tls-mismatch', true]);
    assert.equal(plain.message, '<server> requires TLS: use tls:// in its address');
    const file = await ending(t, server.port, {}, { secure: true, tls: { ca: '/nonexistent/ca.pem' } });
    assert.deepEqual([file.code, file.refused], ['tls-settings', true]);
  });

  test('TLS at a server that has none, and a policy that wants TLS', async (t) => {
    const server = await startNatsServer(t);
    const secure = await ending(t, server.port, {}, { secure: true, tls: { ca: tlsFile('ca.pem') } });
    assert.deepEqual(secure, {
      code: 'tls-mismatch',
      message: '<server> does not use TLS, but this address does: use nats://, or enable TLS on the server',
      refused: true,
    });
    const policy = await ending(t, server.port, {}, { tls: { requireAuthentication: true } });
    assert.deepEqual([policy.code, policy.refused], ['unauthenticated', true]);
  });

  test('a subject that may not be used ends the connection before a row counts as delivered', async (t) => {
    const cases: readonly [string, string, RegExp][] = [
      [
        'publish: ["osquery.hello.>", "osquery.hello", "osquery.announce"]',
        'row',
        /publish to osquery\.rows\.h1/,
      ],
      ['publish: { deny: "osquery.announce" }', 'announcement', /publish to osquery\.announce/],
      ['publish: { deny: "osquery.hello" }', 'nothing', /publish to osquery\.hello/],
      ['subscribe: { deny: "osquery.host.h1" }', 'nothing', /subscribe to osquery\.host\.h1/],
      ['subscribe: { deny: "osquery.bro" }', 'nothing', /subscribe to osquery\.bro/],
    ];
    for (const [permissions, said, message] of cases) {
      const server = await startNatsServer(t, { config: users(permissions) });
      const { links } = await startPlainBro(t, server, asBro);
      const host = connectPlainHost(t, server.port, natsTarget(server.port, asHost));
      if (said !== 'nothing') {
        await host.up();
        const event = said === 'row' ? numberedRow(1) : { name: 'x::hello', args: [] };
        await host.connection.send('/t/host/h1', [event]);
        await assert.rejects(host.connection.confirm(), { code: 'refused' });
      }
      const closed = await host.closing();
      assert.deepEqual([closed.code, closed.refused], ['refused', true]);
      assert.match(closed.message, message);
      assert.deepEqual(
        links.flatMap(({ events }) => events),
        [],
      );
    }
  });

  test('a full stream takes rows once there is room, and the connection is up meanwhile', async (t) => {
    const server = await startNatsServer(t, { jetstream: true });
    const client = await plainClient(t, server);
    const manager = await client.jetstreamManager();
    const limits = { max_msgs: 3, discard: 'new' } as Parameters<typeof manager.streams.add>[0];
    await manager.streams.add({ ...limits, name: 'ROWS', subjects: ['osquery.rows.*'] });
    const bro = await startPlainBro(t, server);
    const settings = { jetstream: 'use' as const };
    const host = connectPlainHost(t, server.port, natsTarget(server.port, settings));
    await host.up();
    for (const number of [1, 2, 3]) await host.connection.send('/t/host/h1', [numberedRow(number)]);
    const late = host.connection.send('/t/host/h1', [numberedRow(4)]);
    await host.until(({ conditions }) => conditions.length > 0);
    const [held] = host.conditions;
    assert.deepEqual(held, {
      trouble: `${server.url}: the stream ROWS is full (maximum messages exceeded): let its Zeek catch up, or raise its limits; rows wait here meanwhile`,
      holdsRows: true,
    });
    // What is no row goes out, and what the Bro says is heard.
    await host.connection.send('/t/host/h1', [{ name: 'spec::word', args: [] }]);
    await bro.links[0]?.connection.send('/t/host/h1', [{ name: 'spec::request', args: [] }]);
    await host.until(({ events }) => events.some(({ event }) => event.name === 'spec::request'));
    await manager.streams.purge('ROWS', { keep: 1 });
    await late;
    await host.connection.confirm();
    assert.deepEqual(host.conditions.at(-1), { trouble: '', holdsRows: false });
    const { state } = await manager.streams.info('ROWS');
    assert.equal(state.messages, 2, 'row 3 was there, row 4 is new');
    assert.equal(host.closed, undefined);
  });

  test('a stream that is gone is told of, and rows go on in the one that comes in its place', async (t) => {
    const server = await startNatsServer(t, { jetstream: true });
    const manager = await (await plainClient(t, server)).jetstreamManager();
    await startPlainBro(t, server);
    const host = connectPlainHost(t, server.port, natsTarget(server.port, { jetstream: 'use' }));
    await host.up();
    await host.until(({ conditions }) => conditions.length > 0);
    assert.deepEqual(host.conditions[0], {
      trouble: `${server.url}: no stream stores rows: create it with the subjects osquery.rows.>, or set jetstream: create`,
      holdsRows: true,
    });
    await manager.streams.add({ name: 'ROWS', subjects: ['osquery.rows.*'] });
    await host.connection.send('/t/host/h1', [numberedRow(1)]);
    assert.deepEqual(host.conditions.at(-1), { trouble: '', holdsRows: false });
    await manager.streams.delete('ROWS');
    const late = host.connection.send('/t/host/h1', [numberedRow(2)]);
    await host.until(({ conditions }) => conditions.at(-1)?.holdsRows === true);
    await manager.streams.add({ name: 'MORE', subjects: ['osquery.rows.*'] });
    await late;
    assert.deepEqual(host.conditions.at(-1), { trouble: '', holdsRows: false });
    assert.equal((await manager.streams.info('MORE')).state.messages, 1);
    assert.equal(host.closed, undefined);
  });

  test('a stream that lets go of the oldest rows when it is full is warned of, and serves all the same', async (t) => {
    const server = await startNatsServer(t, { jetstream: true });
    const manager = await (await plainClient(t, server)).jetstreamManager();
    const limits = { max_msgs: 3, discard: 'old' } as Parameters<typeof manager.streams.add>[0];
    await manager.streams.add({ ...limits, name: 'ROWS', subjects: ['osquery.rows.*'] });
    await startPlainBro(t, server);
    const host = connectPlainHost(t, server.port, natsTarget(server.port, { jetstream: 'use' }));
    await host.up();
    await host.until(({ conditions }) => conditions.length > 0);
    assert.deepEqual(host.conditions, [
      {
        trouble:
          'the stream ROWS has discard: old: once it is full, rows that were confirmed are gone before a Zeek has read them; set discard: new, so that rows wait on their hosts instead',
        holdsRows: false,
      },
    ]);
    await host.connection.send('/t/host/h1', [numberedRow(1)]);
    await host.connection.confirm();
  });

  test("a row beyond the stream's own limit is left out, and those sent with it are kept", async (t) => {
    const server = await startNatsServer(t, { jetstream: true });
    const manager = await (await plainClient(t, server)).jetstreamManager();
    const limits = { max_msg_size: 10_000 } as Parameters<typeof manager.streams.add>[0];
    await manager.streams.add({ ...limits, name: 'ROWS', subjects: ['osquery.rows.*'] });
    await startPlainBro(t, server);
    const host = connectPlainHost(t, server.port, natsTarget(server.port, { jetstream: 'use' }));
    await host.up();
    const leftOut: unknown[] = [];
    const rows = [numberedRow(1), numberedRow(2, 20_000), numberedRow(3)];
    await host.connection.send('/t/host/h1', rows, (...what) => leftOut.push(what));
    assert.deepEqual(leftOut, [[1, 'unsendable']]);
    assert((await manager.streams.info('ROWS')).state.messages > 0);
  });

  test('where JetStream is switched off rows wait, and the reason is told', async (t) => {
    const without = await startNatsServer(t);
    await startPlainBro(t, without);
    const host = connectPlainHost(t, without.port, natsTarget(without.port, { jetstream: 'create' }));
    await host.up();
    await host.until(({ conditions }) => conditions.length > 0);
    assert.equal(host.conditions[0]?.holdsRows, true);
    assert.match(host.conditions[0]?.trouble ?? '', /JetStream is disabled/);
  });

  test('a server without a Bro, a port without a server, a name without an address', async (t) => {
    const server = await startNatsServer(t);
    assert.deepEqual(await ending(t, server.port, {}), {
      code: 'handshake-timeout',
      message: `no Zeek answered at ${server.url} within 800 ms: check that one there uses the prefix osquery (bro-osquery bro --nats)`,
      refused: false,
    });
    await server.kill();
    assert.deepEqual(await ending(t, server.port, {}), {
      code: 'connect-failed',
      message: '<server> refused the connection: is it running?',
      refused: false,
    });
    assert.equal((await ending(t, 4222, {}, { host: 'no-such-host.invalid' })).code, 'resolve-failed');
  });

  test('a server that does not speak NATS is identified, and a silent one is given up', async (t) => {
    const left = Promise.withResolvers<unknown>();
    const listen = async (greeting: string) => {
      const server = createServer((socket) => {
        socket.on('error', () => {});
        socket.write(greeting);
        if (greeting === '') socket.on('close', left.resolve);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      t.after(() => server.close());
      const address = server.address();
      return typeof address === 'object' && address ? address.port : 0;
    };
    const ssh = await ending(t, await listen('SSH-2.0-OpenSSH_9.2\r\n'), {});
    assert.deepEqual([ssh.code, ssh.refused], ['incompatible', true]);
    const timings = { connect: 300 };
    const silent = await ending(t, await listen(''), {}, { timings });
    await left.promise;
    assert.deepEqual(
      [silent.code, silent.message],
      ['connect-timeout', '<server> did not answer within 300 ms'],
    );
  });

  test('a second Bro under one prefix is a problem that is reported once', async (t) => {
    const server = await startNatsServer(t);
    await startPlainBro(t, server, {}, 'bro-1');
    const host = connectPlainHost(t, server.port);
    await host.up();
    const second = await startPlainBro(t, server, {}, 'bro-2');
    await host.until(({ problems }) => problems.length > 0);
    assert.deepEqual(host.problems, [
      `${server.url}: a second Zeek (bro-2) uses the prefix osquery: give each a prefix of its own`,
    ]);
    await second.close();
    assert.equal(host.closed, undefined);
  });

  test("an event beyond the server's limit is left out, reported once, and others pass", async (t) => {
    const server = await startNatsServer(t, { config: 'max_payload: 64KB' });
    const { links } = await startPlainBro(t, server);
    const host = connectPlainHost(t, server.port);
    await host.up();
    const endless = { name: 'spec::endless', args: [real(Number.NaN)] };
    const rows = [numberedRow(1), numberedRow(2, 100_000), numberedRow(3, 100_000), endless, numberedRow(4)];
    const leftOut: unknown[] = [];
    await host.connection.send('/t/host/h1', rows, (...what) => leftOut.push(what));
    assert.deepEqual(leftOut, [
      [1, 'unsendable'],
      [2, 'unsendable'],
    ]);
    await host.connection.confirm();
    assert.equal(links[0]?.events.length, 3);
    assert.equal(host.problems.length, 1);
    assert.match(host.problems[0] ?? '', /an event spec::row of \d+ bytes exceeds its 65536: dropped/);
  });

  test("what the server says as it ends a connection is the connection's end", () => {
    const cases: readonly [string, string, Closed['code']][] = [
      ["'Slow Consumer'", 'NATS_PROTOCOL_ERR', 'overflow'],
      ["'Stale Connection'", 'NATS_PROTOCOL_ERR', 'unresponsive'],
      ["'User Authentication Expired'", 'AUTHENTICATION_EXPIRED', 'refused'],
      ["'Server Shutdown'", 'NATS_PROTOCOL_ERR', 'reset'],
    ];
    for (const [message, code, expected] of cases) {
      assert.equal(endingFailure({ message, code }, 'nats://a:4222').code, expected, message);
    }
    assert.equal(endingFailure(undefined, 'nats://a:4222').code, 'reset');
  });
});
