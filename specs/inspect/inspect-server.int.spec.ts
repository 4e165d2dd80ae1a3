import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { createConversation } from '../../src/inspect/conversation.ts';
import { Recording } from '../../src/inspect/recording.ts';
import { noCharts, serveConversation, serveFile } from '../support/inspected.ts';

const LAST_NIGHT = join(import.meta.dirname, '../../fixtures/event-log/last-night');
const TOKEN = 'a-token-that-is-long-enough';

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
}

function ask(
  address: string,
  path: string,
  method = 'GET',
  headers: Record<string, string> = {},
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const asking = request(new URL(path, address), { method, headers }, (response) => {
    response.resume();
    resolve({ status: response.statusCode, headers: response.headers });
  });
  asking.on('error', reject).end();
  return promise;
}

test('the page is read and nothing else, under a policy that lets in nothing from elsewhere', async (t) => {
  const address = await serveFile(t, LAST_NIGHT, { charts: noCharts });
  const page = await ask(address, '/');
  assert.equal(page.status, 200);
  const policy = String(page.headers['content-security-policy']);
  assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self'/);
  assert.ok(!policy.includes('unsafe'));
  const statuses = [
    await ask(address, '/page.js'),
    await ask(address, '/page.css'),
    await ask(address, '/', 'POST'),
    await ask(address, '/../package.json'),
    await ask(address, '/constructor'),
    await ask(address, '/', 'GET', { host: 'elsewhere.example' }),
  ].map(({ status }) => status);
  assert.deepEqual(statuses, [200, 200, 405, 404, 404, 403]);
});

function open(address: string, options: { readonly origin?: string } = {}): WebSocket {
  return new WebSocket(`${address.replace('http', 'ws')}socket`, options);
}

async function closing(socket: WebSocket): Promise<number> {
  const [code] = await once(socket, 'close');
  return code as number;
}

test("another site's page is let in by no name", async (t) => {
  const address = await serveFile(t, LAST_NIGHT, { charts: noCharts });
  const socket = open(address, { origin: 'http://elsewhere.example' });
  const [error] = await once(socket, 'error');
  assert.match((error as Error).message, /403/);
});

test('a client that disconnects while it is refused does no harm', async (t) => {
  const address = await serveFile(t, LAST_NIGHT, { charts: noCharts });
  const { hostname, port } = new URL(address);
  for (let times = 0; times < 20; times += 1) {
    const socket = createConnection(Number(port), hostname);
    socket.write(
      'GET /elsewhere HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
      () => socket.resetAndDestroy(),
    );
    await once(socket, 'close');
  }
  assert.equal((await ask(address, '/')).status, 200);
});

test('where a token is required, nothing is shown without it', async (t) => {
  const address = await serveFile(t, LAST_NIGHT, { token: TOKEN, charts: noCharts });
  for (const [said, code] of [
    [{ type: 'hello', token: 'not the token' }, 4401],
    [{ type: 'schedule', ask: 1, seq: 1 }, 4400],
  ] as const) {
    const socket = open(address);
    const heard: string[] = [];
    socket.on('message', (data) => heard.push(String(data)));
    await once(socket, 'open');
    socket.send(JSON.stringify(said));
    assert.equal(await closing(socket), code);
    assert.deepEqual(heard, []);
  }
});

test('a page gets the source, then its entries, then answers; an invalid message ends the connection', async (t) => {
  const socket = open(await serveFile(t, LAST_NIGHT, { token: TOKEN, charts: noCharts }));
  const heard: Record<string, unknown>[] = [];
  const waiting = new Set<() => void>();
  socket.on('message', (data) => {
    heard.push(JSON.parse(String(data)));
    for (const look of waiting) look();
  });
  const until = async (isSo: () => boolean) => {
    if (isSo()) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => {
      if (isSo()) resolve();
    };
    waiting.add(look);
    await promise;
    waiting.delete(look);
  };
  const of = (type: string) => heard.filter((one) => one['type'] === type);
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'hello', token: TOKEN }));
  await until(() => of('entries').flatMap(({ entries }) => entries).length === 31);
  assert.equal(heard[0]?.['type'], 'hello');
  assert.deepEqual(heard[0]?.['source'], { kind: 'log', name: LAST_NIGHT });
  socket.send(JSON.stringify({ type: 'schedule', ask: 7, seq: 31 }));
  socket.send(JSON.stringify({ type: 'difference', ask: 8, from: 31, to: 31 }));
  await until(() => of('difference').length === 1);
  assert.deepEqual(of('difference'), [{ type: 'difference', ask: 8, lines: [] }]);
  const [{ view } = {}] = of('schedule') as { readonly view?: { readonly seq: number } }[];
  assert.equal(view?.seq, 31);
  const ended = closing(socket);
  socket.send('{"type":"delete everything"}');
  assert.equal(await ended, 4400);
});

test('where no chart can be drawn a page gets the reason, and all else', async (t) => {
  const conversation = createConversation(
    {
      name: { kind: 'trace', name: 'a trace' },
      open: () => ({ recording: new Recording(null), close() {} }),
      charts: () => Promise.reject(new Error('no room')),
    },
    { version: '1', now: () => 0 },
  );
  const socket = open(await serveConversation(t, conversation));
  const heard: unknown[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.on('message', (data) => {
    if (heard.push(JSON.parse(String(data))) === 3) resolve();
  });
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'hello', token: '' }));
  await promise;
  assert.deepEqual(heard, [
    { type: 'hello', version: '1', source: { kind: 'trace', name: 'a trace' }, charts: [], at: 0 },
    { type: 'problem', text: "Can't draw the statecharts: no room" },
    { type: 'entries', entries: [], earlier: 'nothing', more: false },
  ]);
});
