import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { WebSocket } from 'ws';
import { connectWebSocket, type WebSocketConnectOptions } from '../../src/broker/websocket-connection.ts';
import { listenWebSocket, type WebSocketListenOptions } from '../../src/broker/websocket-server.ts';
import type { ZeekEvent } from '../../src/broker/zeek-event.ts';
import { lines, type RecordedLine } from '../support/broker-recordings.ts';
import { type Recorded, recordHandlers } from '../support/recorded-connection.ts';

const ZEEK = '2eae70ca-2018-5434-a405-86337db81a22';

async function listen(context: TestContext, options: Partial<WebSocketListenOptions> = {}) {
  const accepted: Recorded[] = [];
  const listener = await listenWebSocket(
    { host: '127.0.0.1', port: 0, endpointId: ZEEK, version: '8.0.10', ...options },
    (connection) => {
      const recorded = recordHandlers();
      accepted.push(recorded);
      return recorded.take(connection);
    },
  );
  context.after(() => listener.close());
  return { port: listener.port, accepted };
}

function connect(
  context: TestContext,
  port: number,
  options: Partial<WebSocketConnectOptions> = {},
): Recorded {
  const recorded = recordHandlers();
  recorded.take(
    connectWebSocket(
      { host: '127.0.0.1', port, secure: false, applicationName: 'spec', filter: ['/us'], ...options },
      recorded.handlers,
    ),
  );
  context.after(() => recorded.connection.destroy());
  return recorded;
}

/** The recording's sessions: what was asked for, then its lines. */
function recordedSessions(): { path: string; headers: Record<string, string>; lines: RecordedLine[] }[] {
  const sessions: { path: string; headers: Record<string, string>; lines: RecordedLine[] }[] = [];
  for (const line of lines('websocket-session')) {
    const [, path = '', headers = ''] = /^connect (\S+) (.*)$/.exec(line.text ?? '') ?? [];
    if (line.dir === 'note' && path !== '') sessions.push({ path, headers: JSON.parse(headers), lines: [] });
    else sessions.at(-1)?.lines.push(line);
  }
  return sessions;
}

/** Tst::hello as the recorded scripts declare it: 16 arguments. */
const declares = (event: ZeekEvent) => event.name === 'Tst::hello' && event.args.length === 16;

test("our server says to the recorded client what Zeek said, its scripts' answers apart", async (context) => {
  const { port } = await listen(context, { declares });
  for (const { path, headers, lines: recorded } of recordedSessions()) {
    const client = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers });
    const heard: string[] = [];
    client.on('message', (data) => heard.push(data.toString()));
    const closed = new Promise<string>((resolve) =>
      client.on('close', (code, reason) => resolve(`close ${code} ${reason}`)),
    );
    await new Promise((resolve) => client.once('open', resolve));
    const said = recorded.filter(
      (line) => line.dir === 'server>client' && !line.text?.includes('data-message'),
    );
    for (const line of recorded) if (line.dir === 'client>server' && line.text) client.send(line.text);
    const wanted = said.map((line) => line.text);
    const waiting = setInterval(() => {
      if (heard.length >= wanted.length) client.close(1000, 'done');
    }, 5);
    const end = await closed;
    clearInterval(waiting);
    assert.deepEqual(heard, wanted);
    const recordedEnd = recorded.find((line) => line.dir === 'note' && line.text?.startsWith('close'))?.text;
    assert.equal(end, recordedEnd);
  }
});

test('a client and a server exchange events, each what it wants', async (context) => {
  const { port, accepted } = await listen(context);
  const client = connect(context, port, { applicationName: 'häst name!' });
  await client.up();
  const [server] = accepted;
  assert.ok(server);
  assert.deepEqual(server.remote, {
    incarnation: `${ZEEK}-websocket-0`,
    filter: ['/us'],
    transport: 'ws',
    authenticated: false,
    version: '',
    confirms: false,
  });
  assert.equal(client.remote?.incarnation, ZEEK);
  assert.deepEqual(client.phases, ['connecting', 'handshaking', 'handshaking']);

  const event = (name: string): ZeekEvent => ({ name, args: [{ type: 'real', value: 1 }] });
  await client.connection.send('/any', [event('up')]);
  await server.until(() => server.events.length === 1);
  assert.deepEqual(server.events, [{ topic: '/any', event: event('up') }]);

  await server.connection.send('/other', [event('unwanted')]);
  await server.connection.send('/us/x', [event('one'), event('two')]);
  await client.until(() => client.events.length === 2);
  assert.deepEqual(
    client.events.map(({ topic, event: { name } }) => [topic, name]),
    [
      ['/us/x', 'one'],
      ['/us/x', 'two'],
    ],
  );
  await client.connection.confirm();
  await client.connection.leave();
  assert.equal(client.closed?.code, 'left');
  assert.equal((await server.closing()).code, 'reset');
});

test('thousands of events keep their order and are all taken in before they are confirmed', async (context) => {
  const { port, accepted } = await listen(context);
  const client = connect(context, port);
  await client.up();
  const events = Array.from(
    { length: 5_000 },
    (_, n): ZeekEvent => ({
      name: 'row',
      args: [{ type: 'count', value: BigInt(n) }],
    }),
  );
  await client.connection.send('/rows', events);
  await client.connection.confirm();
  const [server] = accepted;
  await server?.until(() => server.events.length === events.length);
  assert.deepEqual(
    server?.events.map(({ event }) => event),
    events,
  );
});

test('servers that are not a Zeek WebSocket are identified', async (context) => {
  const { createServer } = await import('node:http');
  const http = createServer((_, response) => {
    response.statusCode = 404;
    response.end();
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  context.after(() => http.close());
  const address = http.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const refused = await connect(context, port).closing();
  assert.deepEqual([refused.code, refused.refused], ['refused', true]);
  assert.match(refused.message, /HTTP 404 Not Found/);

  const { listenTcp } = await import('../../src/broker/tcp-server.ts');
  const native = await listenTcp(
    {
      host: '127.0.0.1',
      port: 0,
      endpointId: '11111111-1111-4111-8111-111111111111',
      filter: [],
      security: 'plain',
    },
    (connection) => recordHandlers().take(connection),
  );
  context.after(() => native.close());
  const mistaken = await connect(context, native.port).closing();
  assert.equal(mistaken.code, 'protocol');
  assert.match(mistaken.message, /broker:\/\//);

  const wrongPath = await connect(context, (await listen(context)).port, { path: '/nope' }).closing();
  assert.deepEqual([wrongPath.code, wrongPath.refused], ['refused', true]);
  const nobody = await connect(context, 1).closing();
  assert.equal(nobody.code, 'connect-failed');
  const nowhere = await connect(context, 1, { host: 'nobody.invalid' }).closing();
  assert.equal(nowhere.code, 'resolve-failed');
  const unauthenticated = await connect(context, 1, { tls: { requireAuthentication: true } }).closing();
  assert.equal(unauthenticated.code, 'unauthenticated');
});

test('a changed filter closes the connection, and the next one has it', async (context) => {
  const { port, accepted } = await listen(context);
  const first = connect(context, port);
  await first.up();
  first.connection.subscribe(['/us', '/group']);
  assert.equal((await first.closing()).code, 'filter-changed');
  const second = connect(context, port, { filter: ['/us', '/group'] });
  await second.up();
  assert.deepEqual(accepted[1]?.remote?.filter, ['/us', '/group']);
});
