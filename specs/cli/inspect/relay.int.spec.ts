import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { relayTo } from '../../../src/cli/inspect/relay.ts';
import { serveConversation } from '../../support/inspected.ts';

const MESSAGES = 256;
const LENGTH = 256 * 1024;

test('a page that is slow has the extension wait, and misses nothing', async (t) => {
  const extension = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  t.after(() => extension.close());
  await once(extension, 'listening');
  const { port } = extension.address() as AddressInfo;
  const relay = relayTo(`ws://127.0.0.1:${port}/socket`, '');
  const pages: WebSocket[] = [];
  const address = await serveConversation(t, (page) => {
    pages.push(page);
    relay(page);
  });
  const page = new WebSocket(`${address.replace('http', 'ws')}socket`);
  t.after(() => page.terminate());
  await once(page, 'open');
  const [told] = await Promise.all([
    once(extension, 'connection'),
    page.send(JSON.stringify({ type: 'hello', token: '' })),
  ]);
  const [teller] = told as [WebSocket];
  page.pause();
  let sent = 0;
  for (let at = 0; at < MESSAGES; at += 1) {
    teller.send(`${at}`.padEnd(LENGTH), () => {
      sent += 1;
    });
  }
  // Until nothing moves any more.
  for (let before = -1; before !== sent || pages[0]?.bufferedAmount === 0; ) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.ok((pages[0]?.bufferedAmount ?? 0) < 8 * 1024 * 1024);
  assert.ok(sent < MESSAGES);
  const heard: number[] = [];
  const all = new Promise<void>((resolve) => {
    page.on('message', (data) => {
      heard.push(Number(String(data)));
      if (heard.length === MESSAGES) resolve();
    });
  });
  page.resume();
  await all;
  assert.deepEqual(
    heard,
    Array.from({ length: MESSAGES }, (_, at) => at),
  );
});
