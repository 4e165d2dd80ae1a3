import { WebSocket } from 'ws';
import type { Conversation } from '../../inspect/conversation.ts';
import { type FromServer, parseFromPage } from '../../inspect/protocol.ts';

/** Bytes that may wait for a slow page; then the extension waits, which leaves out what is old. */
const MOST_WAITING = 1024 * 1024;

/**
 * Lets each page talk with a running extension's inspection, which may be behind a Unix socket. Rows are not asked
 * of it: it has none to give.
 * @param warn hears why it can't be reached, once for each reason until it is
 */
export function relayTo(
  socketUrl: string,
  token: string,
  warn: (text: string) => void = () => {},
): Conversation {
  let warned = '';
  return (page) => {
    const extension = new WebSocket(socketUrl, { perMessageDeflate: false });
    const waiting: string[] = [];
    extension.on('open', () => {
      warned = '';
      extension.send(JSON.stringify({ type: 'hello', token }));
      for (const message of waiting.splice(0)) extension.send(message);
    });
    const goOn = () => {
      if (extension.isPaused && page.bufferedAmount <= MOST_WAITING) extension.resume();
    };
    extension.on('message', (data) => {
      if (page.readyState !== page.OPEN) return;
      page.send(String(data), goOn);
      if (page.bufferedAmount > MOST_WAITING) extension.pause();
    });
    page.on('message', (data) => {
      const text = String(data);
      if (parseFromPage(text)?.type === 'rows') return;
      if (extension.readyState === WebSocket.OPEN) extension.send(text);
      else waiting.push(text);
    });
    extension.on('error', (error) => {
      const text = unreachable(socketUrl, error);
      if (text !== warned) warn(text);
      warned = text;
      if (page.readyState === page.OPEN)
        page.send(JSON.stringify({ type: 'problem', text } satisfies FromServer));
    });
    extension.on('close', (code) => page.close(code === 4401 ? 4401 : 1001));
    page.on('close', () => extension.terminate());
  };
}

function unreachable(socketUrl: string, error: Error): string {
  return `Can't reach the extension at ${socketUrl}: ${error.message}. Is it running, with --inspect on this address? The page tries again.`;
}

/** Why an inspection can't be reached at present; null if it can. */
export function problemOf(socketUrl: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = new WebSocket(socketUrl, { perMessageDeflate: false });
    socket.on('open', () => {
      socket.terminate();
      resolve(null);
    });
    socket.on('error', (error) => resolve(unreachable(socketUrl, error)));
  });
}
