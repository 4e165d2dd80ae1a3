import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createTcpServer, type Server, connect as tcpConnect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createServer as createTlsServer, connect as tlsConnect } from 'node:tls';
import type { Remote } from '../../src/broker/connection.ts';
import type { Listener } from '../../src/broker/listening-server.ts';
import type { NativeOptions } from '../../src/broker/native-connection.ts';
import { SecurityMemory } from '../../src/broker/security-memory.ts';
import { connectTcp, type NativeConnectOptions } from '../../src/broker/tcp-connection.ts';
import { listenTcp } from '../../src/broker/tcp-server.ts';
import { explainTlsFailure } from '../../src/broker/tls.ts';
import { secureSocket } from '../../src/broker/tls-connection.ts';
import { type Recorded, recordHandlers } from '../support/recorded-connection.ts';
import { certified, tlsFile } from '../support/tls-fixtures.ts';

type Side = Partial<NativeConnectOptions>;

const ZEEK: Side = { security: 'tls', tls: certified('zeek') };
const HOST: Side = { security: 'tls', tls: certified('host') };
const ANONYMOUS: Side = { security: 'tls' };
const PLAIN: Side = { security: 'plain' };
const AUTO: Side = { security: 'auto' };

async function listen(context: TestContext, side: Partial<NativeOptions>): Promise<[Listener, Recorded[]]> {
  const accepted: Recorded[] = [];
  const listener = await listenTcp(
    { host: '127.0.0.1', port: 0, endpointId: randomUUID(), filter: ['/far'], ...side },
    (connection) => {
      const recorded = recordHandlers();
      accepted.push(recorded);
      return recorded.take(connection);
    },
  );
  context.after(() => listener.close());
  return [listener, accepted];
}

function connect(context: TestContext, port: number, side: Side): Recorded {
  const recorded = recordHandlers();
  recorded.take(
    connectTcp({ host: '127.0.0.1', port, endpointId: randomUUID(), filter: [], ...side }, recorded.handlers),
  );
  context.after(() => recorded.connection.destroy());
  return recorded;
}

const peered = async (context: TestContext, near: Side, far: Partial<NativeOptions>): Promise<Remote> => {
  const [listener] = await listen(context, far);
  const recorded = connect(context, listener.port, near);
  const remote = await recorded.up();
  await recorded.connection.send('/far', [{ name: 'e', args: [] }]);
  await recorded.connection.confirm();
  return remote;
};

test('each kind of security reaches its like, and says what it is', async (context) => {
  const told = async (near: Side, far: Side) => {
    const { transport, authenticated } = await peered(context, near, far);
    return [transport, authenticated];
  };
  assert.deepEqual(await told(PLAIN, PLAIN), ['tcp', false]);
  assert.deepEqual(await told(ANONYMOUS, ANONYMOUS), ['tls-anonymous', false]);
  assert.deepEqual(await told(HOST, ZEEK), ['tls', true]);
});

test('an address without a scheme finds plain TCP and the TLS of a default Zeek, a listener both', async (context) => {
  assert.equal((await peered(context, AUTO, PLAIN)).transport, 'tcp');
  assert.equal((await peered(context, AUTO, ANONYMOUS)).transport, 'tls-anonymous');
  assert.equal((await peered(context, PLAIN, AUTO)).transport, 'tcp');
  assert.equal((await peered(context, ANONYMOUS, AUTO)).transport, 'tls-anonymous');
  assert.equal((await peered(context, AUTO, AUTO)).transport, 'tls-anonymous');
  assert.equal((await peered(context, { ...HOST, security: 'auto' }, ZEEK)).transport, 'tls');
});

test('what was found out is remembered as long as it works', async (context) => {
  const memory = new SecurityMemory();
  const [plain] = await listen(context, PLAIN);
  const near = connect(context, plain.port, { ...AUTO, memory });
  await near.up();
  const name = `127.0.0.1:${plain.port}`;
  assert.equal(memory.recall(name), 'plain');
  await near.connection.leave();
  await plain.close();
  const [changed] = await listen(context, { ...ANONYMOUS });
  memory.remember(`127.0.0.1:${changed.port}`, 'plain');
  const mistaken = connect(context, changed.port, { ...AUTO, memory });
  assert.equal((await mistaken.closing()).code, 'reset');
  const corrected = connect(context, changed.port, { ...AUTO, memory });
  assert.equal((await corrected.up()).transport, 'tls-anonymous');
});

for (const [title, near, far, nearEnd, farEnd] of [
  [
    'a client whose certificate another authority signed',
    { ...HOST, tls: certified('stranger') },
    ZEEK,
    [
      'reset',
      /disconnected before sending anything: it closed the connection; it may reject our certificate/,
    ],
    ['tls-untrusted', /no configured CA has signed/],
  ],
  [
    'a client that does not know the authority of the server',
    { ...HOST, tls: certified('host', 'other-ca') },
    ZEEK,
    ['tls-untrusted', /no configured CA has signed/],
    undefined,
  ],
  [
    'a client whose certificate has expired',
    { ...HOST, tls: certified('expired') },
    ZEEK,
    [
      'reset',
      /disconnected before sending anything: it closed the connection; it may reject our certificate/,
    ],
    ['tls-untrusted', /an expired certificate \(CERT_HAS_EXPIRED\)/],
  ],
  [
    'a server whose certificate has expired',
    HOST,
    { ...ZEEK, tls: certified('expired') },
    ['tls-untrusted', /an expired certificate \(CERT_HAS_EXPIRED\)/],
    undefined,
  ],
  [
    'anonymous TLS where certificates are wanted',
    ANONYMOUS,
    ZEEK,
    ['tls-mismatch', /no TLS cipher suite in common.*one is configured with certificates/],
    ['tls-mismatch', /no TLS cipher suite in common/],
  ],
  [
    'certificates where TLS is anonymous',
    HOST,
    ANONYMOUS,
    ['tls-mismatch', /no TLS cipher suite in common/],
    ['tls-mismatch', /no TLS cipher suite in common/],
  ],
  [
    'plain TCP where anonymous TLS is spoken',
    PLAIN,
    ANONYMOUS,
    ['reset', /before sending anything: .*; it may require TLS/],
    ['tls-mismatch', /does not use TLS/],
  ],
  [
    'plain TCP where TLS with certificates is spoken',
    PLAIN,
    ZEEK,
    ['reset', /before sending anything: .*; it may require TLS/],
    ['tls-mismatch', /does not use TLS/],
  ],
  [
    'anonymous TLS where plain TCP is spoken',
    ANONYMOUS,
    PLAIN,
    ['tls-mismatch', /does not use TLS, but this address does: use broker:/],
    ['tls-mismatch', /uses TLS, but this address is plain TCP/],
  ],
  [
    'TLS with certificates where plain TCP is spoken',
    HOST,
    PLAIN,
    ['tls-mismatch', /does not use TLS/],
    ['tls-mismatch', /uses TLS/],
  ],
] as const) {
  test(`${title}: refused, and both sides are told why as far as they can know`, async (context) => {
    const [listener, accepted] = await listen(context, far);
    const recorded = connect(context, listener.port, near);
    const nearClosed = await recorded.closing();
    assert.equal(nearClosed.code, nearEnd[0], nearClosed.message);
    assert.match(nearClosed.message, nearEnd[1]);
    assert.equal(recorded.remote, undefined);
    const [farSide] = accepted;
    assert.ok(farSide);
    const farClosed = await farSide.closing();
    if (farEnd) {
      assert.equal(farClosed.code, farEnd[0], farClosed.message);
      assert.match(farClosed.message, farEnd[1]);
    }
    assert.equal(farSide.remote, undefined);
  });
}

test('a client without a certificate is refused by our listener, with the reason', async (context) => {
  const [listener, accepted] = await listen(context, ZEEK);
  const client = tlsConnect({ host: '127.0.0.1', port: listener.port, ca: readFileSync(tlsFile('ca.pem')) });
  client.on('error', () => undefined);
  await new Promise((resolve) => client.once('close', resolve));
  const closed = await accepted[0]?.closing();
  assert.equal(closed?.code, 'tls-untrusted');
  assert.match(closed.message, /presented no certificate/);
});

test("a server's alert for a missing certificate says what this side must do", async (context) => {
  const server = createTlsServer({
    requestCert: true,
    rejectUnauthorized: true,
    ca: readFileSync(tlsFile('ca.pem')),
    cert: readFileSync(tlsFile('zeek.pem')),
    key: readFileSync(tlsFile('zeek.key')),
  });
  const raw = tcpConnect({ host: '127.0.0.1', port: await open(context, server) });
  raw.on('error', () => undefined);
  const ca = [readFileSync(tlsFile('ca.pem'))];
  const material = { ca, certificate: undefined, key: undefined, passphrase: undefined };
  const secure = await secureSocket(raw, 'connecting', 'mutual', material);
  const error = await new Promise<Error>((resolve) => secure.once('error', resolve));
  assert.deepEqual(explainTlsFailure(error), {
    code: 'tls-untrusted',
    refused: true,
    problem:
      'requires a client certificate: set certificate and key in the settings (ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED)',
  });
});

test('alerts and errors of OpenSSL are distinguished', () => {
  const told = (code: string) => explainTlsFailure({ code, message: 'm' })?.problem;
  assert.match(
    told('ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED') ?? '',
    /rejected our certificate: it has expired/,
  );
  assert.match(told('ERR_SSL_TLSV1_ALERT_UNKNOWN_CA') ?? '', /its CA is unknown there/);
  assert.match(told('ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE') ?? '', /rejected our certificate/);
  assert.match(told('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION') ?? '', /no TLS version in common/);
  assert.match(told('ERR_TLS_CERT_ALTNAME_INVALID') ?? '', /for another name/);
  assert.match(told('INVALID_PURPOSE') ?? '', /without serverAuth in its extended key usage/);
  assert.match(told('ERR_SSL_SOMETHING_NEW') ?? '', /failed the TLS handshake: m/);
  assert.equal(told('ECONNRESET'), undefined);
});

async function open(context: TestContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => server.close());
  const address = server.address();
  return typeof address === 'object' && address ? address.port : assert.fail();
}

test('settings that cannot work are refused with the file or the setting that is wrong', async (context) => {
  const [listener] = await listen(context, ZEEK);
  for (const [tls, message] of [
    [{ ca: tlsFile('ca.pem') }, /set certificate and key/],
    [{ certificate: tlsFile('host.pem'), key: tlsFile('host.key') }, /set the CA/],
    [{ ...certified('host'), key: '/nowhere/host.key' }, /can't read the key \/nowhere\/host.key: ENOENT/],
    [{ ...certified('host'), key: tlsFile('host-encrypted.key') }, /the configured TLS files are unusable/],
    [{ ...certified('host'), key: tlsFile('zeek.key') }, /the configured TLS files are unusable/],
    [{ ...certified('host'), ca: tlsFile('host.key') }, /host.key contains no CA certificate/],
    [{ ...certified('host'), ca: '', caPath: '/nowhere' }, /can't read the CA folder \/nowhere/],
  ] as const) {
    const closed = await connect(context, listener.port, { security: 'tls', tls }).closing();
    assert.deepEqual([closed.code, closed.refused], ['tls-settings', true], closed.message);
    assert.match(closed.message, message);
  }
});

test('a key under a passphrase and a folder of authorities work', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'authorities-'));
  context.after(() => rmSync(folder, { recursive: true }));
  copyFileSync(tlsFile('other-ca.pem'), join(folder, 'other.pem'));
  copyFileSync(tlsFile('ca.pem'), join(folder, 'ours.crt'));
  const tls = {
    caPath: folder,
    certificate: tlsFile('host.pem'),
    key: tlsFile('host-encrypted.key'),
    passphrase: 'open-sesame',
  };
  assert.equal((await peered(context, { security: 'tls', tls }, ZEEK)).authenticated, true);
});

test('certificates are read again at each connection, by both sides', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'renewed-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const install = (name: string) => {
    copyFileSync(tlsFile(`${name}.pem`), join(folder, 'host.pem'));
    copyFileSync(tlsFile(`${name}.key`), join(folder, 'host.key'));
  };
  const tls = { ca: tlsFile('ca.pem'), certificate: join(folder, 'host.pem'), key: join(folder, 'host.key') };
  install('expired');
  const [listener] = await listen(context, { security: 'tls', tls });
  assert.equal((await connect(context, listener.port, HOST).closing()).code, 'tls-untrusted');
  install('zeek');
  assert.equal((await connect(context, listener.port, HOST).up()).authenticated, true);
});

test("certificates that end within 30 days are announced, our own and the peer's", async (context) => {
  const [listener] = await listen(context, ZEEK);
  const wallClock = () => Date.UTC(2123, 11, 20);
  const recorded = connect(context, listener.port, { ...HOST, wallClock });
  await recorded.up();
  assert.deepEqual(recorded.problems, [
    'our own certificate expires on 2124-01-01, in 12 days: renew it',
    `127.0.0.1:${listener.port}'s certificate expires on 2124-01-01, in 12 days: renew it`,
  ]);
});

test('where authentication is required, plain TCP and anonymous TLS are refused', async (context) => {
  const required = { requireAuthentication: true };
  const [plain] = await listen(context, PLAIN);
  const [anonymous] = await listen(context, ANONYMOUS);
  for (const [port, side] of [
    [plain.port, { ...PLAIN, tls: required }],
    [plain.port, { ...AUTO, tls: required }],
    [anonymous.port, { ...ANONYMOUS, tls: required }],
    [anonymous.port, { ...AUTO, tls: required }],
  ] as const) {
    const closed = await connect(context, port, side).closing();
    assert.deepEqual([closed.code, closed.refused], ['unauthenticated', true]);
  }
  const mutual = { ...HOST, tls: { ...certified('host'), ...required } };
  assert.equal((await peered(context, mutual, ZEEK)).authenticated, true);
});

test('a server that accepts and stays silent is given up, with and without TLS', async (context) => {
  const held = createTcpServer((socket) => socket.on('error', () => undefined));
  const port = await open(context, held);
  for (const side of [PLAIN, ANONYMOUS, AUTO]) {
    const closed = await connect(context, port, { ...side, timings: { handshake: 400 } }).closing();
    assert.equal(closed.code, 'handshake-timeout');
  }
});
