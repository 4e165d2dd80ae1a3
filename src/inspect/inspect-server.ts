import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, ListenOptions } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { difference, differenceInWords } from '../replay/difference.ts';
import type { ChartLayout } from './chart-geometry.ts';
import type { OpenRecording } from './live-recording.ts';
import { type FromServer, parseFromPage, type SourceName } from './protocol.ts';
import { scheduleView } from './schedule-view.ts';

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
}

/** What is said over a WebSocket once its page may be told. */
export type Conversation = (socket: WebSocket) => void;

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
    maxPayload: LONGEST_MESSAGE,
    perMessageDeflate: false,
  });
  server.on('upgrade', (request, socket, head) => {
    const refused =
      request.url !== SOCKET_PATH ||
      !isOurs(request, options) ||
      !isSameOrigin(request) ||
      sockets.clients.size >= MOST_PAGES;
    if (refused) {
      socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n');
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
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return refuse(405, 'This is for reading only.\n');
  if (!isOurs(request, options)) return refuse(403, 'Nobody is here under this name.\n');
  const { html, script, style } = await options.page();
  const [path] = (request.url ?? '/').split('?');
  const files: Readonly<Record<string, readonly [string, string]>> = {
    '/': [html, 'text/html'],
    '/page.js': [script, 'text/javascript'],
    '/page.css': [style, 'text/css'],
  };
  const file = Object.hasOwn(files, path ?? '') ? files[path ?? ''] : undefined;
  if (!file) return refuse(404, 'There is nothing here.\n');
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
function greet(socket: WebSocket, { token, conversation }: InspectServerOptions): void {
  const impatience = setTimeout(() => socket.terminate(), HELLO_PATIENCE);
  socket.on('error', () => socket.terminate());
  socket.once('close', () => clearTimeout(impatience));
  socket.once('message', (data) => {
    clearTimeout(impatience);
    const hello = parseFromPage(String(data));
    if (hello?.type !== 'hello') return socket.close(4400, 'not understood');
    if (token !== null && !isSame(hello.token, token)) return socket.close(4401, 'the token is not right');
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
    server.once('error', reject);
    server.listen(listen, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function addressOf(server: Server): string {
  const address = server.address() as AddressInfo | string | null;
  if (address === null || typeof address === 'string') return address ?? '';
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}/`;
}

/** What pages are told of. */
export interface InspectSource {
  readonly name: SourceName;
  /** Called when the first page comes; `close` is called when the last one has gone. */
  readonly open: (onProblem: (error: unknown) => void) => OpenRecording;
  readonly charts: () => Promise<readonly ChartLayout[]>;
}

/** Entries in one message, and bytes that may wait for a slow page. */
const ENTRIES_A_MESSAGE = 1_000;
const MOST_WAITING = 4 * 1024 * 1024;
/** Milliseconds in which news is gathered. */
const GATHER = 40;

/** The conversation about a source that all pages share. */
export function createConversation(
  source: InspectSource,
  { version, now }: { readonly version: string; readonly now: () => number },
): Conversation {
  const pages = new Set<WebSocket>();
  let opened: OpenRecording | undefined;
  let charts: Promise<readonly ChartLayout[]> | undefined;
  const problems: string[] = [];

  return (socket) => {
    const say = (message: FromServer) => socket.send(JSON.stringify(message));
    pages.add(socket);
    opened ??= source.open((error) => {
      const text = error instanceof Error ? error.message : String(error);
      problems.push(text);
      for (const page of pages) page.send(JSON.stringify({ type: 'problem', text } satisfies FromServer));
    });
    const { recording } = opened;
    let told = recording.first;
    let timer: NodeJS.Timeout | undefined;
    let introduced = false;
    const tell = () => {
      timer = undefined;
      if (!introduced || socket.readyState !== socket.OPEN) return;
      if (socket.bufferedAmount > MOST_WAITING) return later(5 * GATHER);
      told = Math.max(told, recording.first);
      const entries = recording.since(told, ENTRIES_A_MESSAGE);
      told += entries.length;
      const more = told < recording.added;
      say({ type: 'entries', entries, more });
      if (more) later(0);
    };
    const later = (pause: number) => {
      timer ??= setTimeout(tell, pause);
    };
    const stop = recording.onAdded(() => later(GATHER));
    socket.on('message', (data) => {
      const asked = parseFromPage(String(data));
      if (asked?.type === 'schedule') {
        say({
          type: 'schedule',
          ask: asked.ask,
          view: scheduleView(recording.scheduleAt(asked.seq), asked.seq),
        });
      } else if (asked?.type === 'difference') {
        const [before, after] = [recording.scheduleAt(asked.from), recording.scheduleAt(asked.to)];
        say({ type: 'difference', ask: asked.ask, lines: differenceInWords(difference(before, after)) });
      } else socket.close(4400, 'not understood');
    });
    socket.once('close', () => {
      stop();
      clearTimeout(timer);
      pages.delete(socket);
      if (pages.size > 0) return;
      opened?.close();
      opened = undefined;
    });
    // All else can be looked at without charts.
    charts ??= source.charts().catch((error: unknown) => {
      problems.push(`The statecharts can't be drawn: ${error instanceof Error ? error.message : error}`);
      return [];
    });
    void charts.then((laidOut) => {
      if (socket.readyState !== socket.OPEN) return;
      say({ type: 'hello', version, source: source.name, charts: laidOut, at: now() });
      for (const text of problems) say({ type: 'problem', text });
      introduced = true;
      clearTimeout(timer);
      tell();
    });
  };
}
