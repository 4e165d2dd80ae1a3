import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { parseEndpointAddress } from '../../src/broker/address.ts';
import { type BrokerAddress, connectEndpoint } from '../../src/broker/endpoint-connection.ts';
import { listenEndpoint } from '../../src/broker/endpoint-server.ts';
import { SecurityMemory } from '../../src/broker/security-memory.ts';
import type { TlsSettings } from '../../src/broker/tls.ts';
import type { ZeekEvent } from '../../src/broker/zeek-event.ts';
import { arbitraryData } from '../support/arbitrary-data.ts';
import { type Recorded, recordHandlers } from '../support/recorded-connection.ts';
import { certified, tlsFile } from '../support/tls-fixtures.ts';

function brokerAddress(text: string): BrokerAddress {
  const address = parseEndpointAddress(text, { listening: true });
  return address.kind === 'nats' ? assert.fail(text) : address;
}

/** Listens at `listen` with port 0, connects at `connect` to that port. */
async function pair(
  context: TestContext,
  listen: string,
  connect: string,
  near: TlsSettings = {},
  far: TlsSettings = {},
): Promise<[Recorded, Recorded]> {
  const farSide = recordHandlers();
  const common = { applicationName: 'spec', version: '8.0.10' };
  const listener = await listenEndpoint(
    brokerAddress(listen),
    { ...common, endpointId: randomUUID(), filter: ['/far'], tls: far },
    (connection) => farSide.take(connection),
  );
  const nearSide = recordHandlers();
  const address = { ...brokerAddress(connect), port: listener.port };
  const options = { ...common, endpointId: randomUUID(), filter: ['/near'], tls: near };
  nearSide.take(connectEndpoint(address, options, nearSide.handlers));
  context.after(async () => {
    nearSide.connection.destroy();
    await listener.close();
  });
  return [nearSide, farSide];
}

const HOST = certified('host');
const ZEEK = certified('zeek');
const SERVER_ONLY = { certificate: tlsFile('zeek.pem'), key: tlsFile('zeek.key') };

for (const [title, listen, connect, transport, authenticated, near, far] of [
  ['an address without a scheme', '127.0.0.1:0', '127.0.0.1:9', 'tls-anonymous', false, {}, {}],
  ['an IPv6 address', 'broker://[::1]:0', 'broker://[::1]:9', 'tcp', false, {}, {}],
  ['broker://', 'broker://127.0.0.1:0', 'broker://localhost:9', 'tcp', false, {}, {}],
  ['brokers://', 'brokers://127.0.0.1:0', 'brokers://127.0.0.1:9', 'tls-anonymous', false, {}, {}],
  ['brokers:// with certificates', 'brokers://127.0.0.1:0', 'brokers://127.0.0.1:9', 'tls', true, HOST, ZEEK],
  ['ws://', 'ws://127.0.0.1:0', 'ws://127.0.0.1:9', 'ws', false, {}, {}],
  ['wss://', 'wss://127.0.0.1:0', 'wss://localhost:9', 'wss', true, { ca: tlsFile('ca.pem') }, SERVER_ONLY],
  [
    'wss:// to a Zeek without certificates',
    'wss://127.0.0.1:0',
    'wss://127.0.0.1:9',
    'wss-anonymous',
    false,
    {},
    {},
  ],
  ['wss:// with certificates', 'wss://127.0.0.1:0', 'wss://127.0.0.1:9', 'wss', true, HOST, ZEEK],
] as const) {
  test(`events of all types travel both ways over ${title}`, async (context) => {
    const [nearSide, farSide] = await pair(context, listen, connect, near, far);
    const remote = await nearSide.up();
    assert.deepEqual([remote.transport, remote.authenticated], [transport, authenticated]);
    await farSide.up();
    const args = fc
      .sample(arbitraryData, { numRuns: 50, seed: 7 })
      .filter((data) => !transport.startsWith('ws') || sayable(data));
    const event: ZeekEvent = { name: 'Tst::all', args };
    await nearSide.connection.send('/far/x', [event, event, event]);
    await farSide.connection.send('/near/x', [event]);
    await Promise.all([
      farSide.until(() => farSide.events.length === 3),
      nearSide.until(() => nearSide.events.length === 1),
    ]);
    assert.deepEqual(farSide.events, Array(3).fill({ topic: '/far/x', event }));
    assert.deepEqual(nearSide.events, [{ topic: '/near/x', event }]);
    await nearSide.connection.confirm();
    await nearSide.connection.leave();
    assert.equal(nearSide.closed?.code, 'left');
    await farSide.closing();
  });
}

/** Whether JSON can say the value: its texts are well-formed, its reals are numbers. */
function sayable(data: typeof arbitraryData extends fc.Arbitrary<infer D> ? D : never): boolean {
  const text = JSON.stringify(data, (_, value) =>
    typeof value === 'bigint'
      ? value.toString()
      : typeof value === 'number' && !Number.isFinite(value)
        ? '\ud800'
        : value,
  );
  return !/\\ud[89a-f]/.test(text);
}

for (const [title, near, far, code, message] of [
  [
    'a server of another authority',
    { ca: tlsFile('other-ca.pem') },
    SERVER_ONLY,
    'tls-untrusted',
    /no configured CA/,
  ],
  [
    'a server whose certificate has expired',
    { ca: tlsFile('ca.pem') },
    { certificate: tlsFile('expired.pem'), key: tlsFile('expired.key') },
    'tls-untrusted',
    /expired certificate/,
  ],
  [
    'a server that wants a certificate',
    { ca: tlsFile('ca.pem') },
    ZEEK,
    'tls-untrusted',
    /requires a client certificate/,
  ],
  [
    'a server without a certificate where an authority is named',
    { ca: tlsFile('ca.pem') },
    {},
    'tls-mismatch',
    /on this side ca, ca_path, certificate and require_authentication \(in tls\) enable certificates/,
  ],
  [
    'a server without a certificate where authentication is required',
    { requireAuthentication: true },
    {},
    'tls-mismatch',
    /require_authentication/,
  ],
  [
    'a server whose certificate no authority of the system has signed, where the settings name none,',
    {},
    SERVER_ONLY,
    'tls-untrusted',
    /no configured CA/,
  ],
] as const) {
  test(`over wss:// ${title} is refused with the reason`, async (context) => {
    const [nearSide] = await pair(context, 'wss://127.0.0.1:0', 'wss://127.0.0.1:9', near, far);
    const closed = await nearSide.closing();
    assert.equal(closed.code, code, closed.message);
    assert.match(closed.message, message);
  });
}

test('over wss:// a missing authentication is reported, and refused once a certificate was shown', async (context) => {
  const farSide = recordHandlers();
  const common = { applicationName: 'spec', version: '8.0.10', endpointId: randomUUID() };
  const listener = await listenEndpoint(
    brokerAddress('wss://127.0.0.1:0'),
    { ...common, filter: ['/far'] },
    (connection) => farSide.take(connection),
  );
  context.after(() => listener.close());
  const address = { ...brokerAddress('wss://127.0.0.1:9'), port: listener.port };
  const connect = (memory: SecurityMemory) => {
    const side = recordHandlers();
    side.take(connectEndpoint(address, { ...common, filter: ['/near'], memory }, side.handlers));
    context.after(() => side.connection.destroy());
    return side;
  };
  const memory = new SecurityMemory();
  const first = connect(memory);
  assert.equal((await first.up()).authenticated, false);
  assert.deepEqual(first.problems, [
    `wss://127.0.0.1:${listener.port} has no certificate: the connection is encrypted, but not authenticated; with ca or require_authentication (in tls) it would be refused`,
  ]);
  memory.remember(`wss://127.0.0.1:${listener.port}`, 'tls');
  const { code, message } = await connect(memory).closing();
  assert.equal(code, 'tls-mismatch');
  assert.match(message, /it has shown a certificate before, without which it is not reached$/);
});

test('over wss:// a certificate for another name is refused', async (context) => {
  const authority = { ca: tlsFile('ca.pem') };
  const [nearSide] = await pair(context, 'wss://127.0.0.2:0', 'wss://127.0.0.2:9', authority, SERVER_ONLY);
  const closed = await nearSide.closing();
  assert.equal(closed.code, 'tls-untrusted', closed.message);
  assert.match(closed.message, /for another name/);
});

test('ws:// where wss:// is spoken, and the reverse, is named', async (context) => {
  const [plain] = await pair(context, 'wss://127.0.0.1:0', 'ws://127.0.0.1:9', {}, SERVER_ONLY);
  assert.match((await plain.closing()).message, /try wss:\/\/ instead of ws:\/\//);
  const [secure] = await pair(
    context,
    'ws://127.0.0.1:0',
    'wss://127.0.0.1:9',
    { ca: tlsFile('ca.pem') },
    {},
  );
  const mistaken = await secure.closing();
  assert.equal(mistaken.code, 'tls-mismatch', mistaken.message);
});
