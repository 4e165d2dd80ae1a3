import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, ListenOptions } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Conversation } from './conversation.ts';
import { parseFromPage } from './protocol.ts';
import { answerRows } from './row-answers.ts';
import type { RowAccess } from './rows.ts';

/** The page's files, each whole. */
export interface PageAssets {
  readonly html: string;
  readonly script: string;
  readonly style: string;
}

export interface InspectServerOptions {
  /** Where to listen: `{host, port}` or `{path}`. */
  readonly listen: ListenOptions;
  /** What a page has to say first; null: nothing, for addresses that only this machine reaches. */
  readonly token: string | null;
  readonly version: string;
  readonly now: () => number;
  readonly page: () => Promise<PageAssets>;
  readonly conversation: Conversation;
  /** The longest message that a page may send, in bytes; 4 KiB by default. */
  readonly longestMessage?: number;
  /** Whether pages may be shown rows, apart from the conversation. */
  readonly rows: RowAccess;
}

export interface InspectServer {
  /** The page's address without a token; of a Unix socket its path. */
  readonly address: string;
  readonly close: () => Promise<void>;
}

/** Where a page's WebSocket is, and the longest message that it may send, in bytes. */
const SOCKET_PATH = '/socket';
const LONGEST_MESSAGE = 4_096;
const MOST_PAGES = 16;
/** Milliseconds for a page's first message. */
const HELLO_PATIENCE = 5_000;

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

/** Serves the page and its WebSocket, and nothing that changes anything. */
export async function startInspectServer(options: InspectServerOptions): Promise<InspectServer> {
  const server = createServer((request, response) => {
    answer(request, response, options).catch((error: unknown) => {
      response.writeHead(500, HEADERS).end(error instanceof Error ? error.message : 'failed');
    });
  });
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: options.longestMessage ?? LONGEST_MESSAGE,
    perMessageDeflate: false,
  });
  server.on('upgrade', (request, socket, head) => {
    // From here on nobody else hears of it, and what nobody hears of ends the process.
    socket.on('error', () => socket.destroy());
    const refused =
      request.url !== SOCKET_PATH ||
      !isOurs(request, options) ||
      !isSameOrigin(request) ||
      sockets.clients.size >= MOST_PAGES;
    if (refused) {
      socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n', () => socket.destroy());
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => greet(webSocket, options));
  });
  await listening(server, options.listen);
  return {
    address: addressOf(server),
    async close() {
      for (const client of sockets.clients) client.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: InspectServerOptions,
): Promise<void> {
  const refuse = (code: number, text: string) => {
    response.writeHead(code, { ...HEADERS, 'content-type': 'text/plain; charset=utf-8' }).end(text);
  };
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(405, 'Read-only.\n');
  if (!isOurs(request, options)) return refuse(403, 'Unknown host name.\n');
  const { html, script, style } = await options.page();
  const [path] = (request.url ?? '/').split('?');
  const files: Readonly<Record<string, readonly [string, string]>> = {
    '/': [html, 'text/html'],
    '/page.js': [script, 'text/javascript'],
    '/page.css': [style, 'text/css'],
  };
  const file = Object.hasOwn(files, path ?? '') ? files[path ?? ''] : undefined;
  if (!file) return refuse(404, 'Not found.\n');
  response.writeHead(200, { ...HEADERS, 'content-type': `${file[1]}; charset=utf-8` });
  response.end(request.method === 'HEAD' ? undefined : file[0]);
}

/**
 * Whether a request is meant for us by name. A page elsewhere may have a name of its own point to this machine; its
 * requests come under that name. Where a token is asked for, that is no way in.
 */
function isOurs({ headers }: IncomingMessage, { listen, token }: InspectServerOptions): boolean {
  if (token !== null || listen.path !== undefined) return true;
  const name = (headers.host ?? '').replace(/:\d+$/, '').toLowerCase();
  return ['localhost', '127.0.0.1', '[::1]', listen.host?.toLowerCase()].includes(name);
}

/** Browsers name the page that opens a WebSocket; programs need not. */
function isSameOrigin({ headers }: IncomingMessage): boolean {
  const { origin, host } = headers;
  return origin === undefined || origin === `http://${host}` || origin === `https://${host}`;
}

/** Hears the page's first message and lets the conversation begin. */
function greet(socket: WebSocket, { token, conversation, rows }: InspectServerOptions): void {
  const impatience = setTimeout(() => socket.terminate(), HELLO_PATIENCE);
  socket.on('error', () => socket.terminate());
  socket.once('close', () => clearTimeout(impatience));
  socket.once('message', (data) => {
    clearTimeout(impatience);
    const hello = parseFromPage(String(data));
    if (hello?.type !== 'hello') return socket.close(4400, 'not understood');
    if (token !== null && !isSame(hello.token, token)) return socket.close(4401, 'wrong token');
    answerRows(socket, rows);
    conversation(socket);
  });
}

/** Compares in a time that tells nothing of where the two differ. */
function isSame(one: string, other: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}

function listening(server: Server, listen: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    // After listening, too: a connection that can't be accepted is no reason to end.
    server.on('error', reject);
    server.listen(listen, resolve);
  });
}

function addressOf(server: Server): string {
  const address = server.address() as AddressInfo | string | null;
  if (address === null || typeof address === 'string') return address ?? '';
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}/`;
}
