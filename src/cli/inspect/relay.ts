import { WebSocket } from 'ws';
import type { Conversation } from '../../inspect/conversation.ts';
import { type FromServer, parseFromPage } from '../../inspect/protocol.ts';

/** Bytes that may wait for a slow page; then the extension waits, which leaves out what is old. */
const MOST_WAITING = 1024 * 1024;

/**
 * Lets each page talk with a running extension's inspection, which may be behind a Unix socket. Rows are not asked
 * of it: it has none to give.
 */
export function relayTo(socketUrl: string, token: string): Conversation {
  return (page) => {
    const extension = new WebSocket(socketUrl, { perMessageDeflate: false });
    const waiting: string[] = [];
    extension.on('open', () => {
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
      const text = `Can't reach the extension at ${socketUrl}: ${error.message}`;
      if (page.readyState === page.OPEN)
        page.send(JSON.stringify({ type: 'problem', text } satisfies FromServer));
    });
    extension.on('close', (code) => page.close(code === 4401 ? 4401 : 1001));
    page.on('close', () => extension.terminate());
  };
}
