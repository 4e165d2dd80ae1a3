import type { WebSocket } from 'ws';
import { type FromServer, parseFromPage } from './protocol.ts';
import { type RowAccess, rowsView } from './rows.ts';

/**
 * Answers a page's questions for rows. It is here that rows are hidden: whatever a conversation is about, it holds
 * none. Of a page that asks before it has its answer the newest question is answered next, others never.
 */
export function answerRows(socket: WebSocket, access: RowAccess): void {
  let asked: { readonly ask: number; readonly name: string; readonly until: number | null } | undefined;
  let isAnswering = false;
  const answer = async () => {
    isAnswering = true;
    for (let one = asked; one; one = asked) {
      asked = undefined;
      const view = await rowsView(access, one.name, one.until);
      if (socket.readyState !== socket.OPEN) break;
      socket.send(JSON.stringify({ type: 'rows', ask: one.ask, view } satisfies FromServer));
    }
    isAnswering = false;
  };
  socket.on('message', (data) => {
    const message = parseFromPage(String(data));
    if (message?.type !== 'rows') return;
    asked = message;
    if (!isAnswering) void answer();
  });
}
