import type { TestContext } from 'node:test';
import { pageAssets } from '../../src/cli/inspect/page-assets.ts';
import { hiddenRows } from '../../src/cli/inspect/rows.ts';
import { fileSource } from '../../src/cli/inspect/sources.ts';
import { type Conversation, createConversation } from '../../src/inspect/conversation.ts';
import { startInspectServer } from '../../src/inspect/inspect-server.ts';
import type { RowAccess } from '../../src/inspect/rows.ts';
import { DAY } from './schedule-builders.ts';

/** Serves the page on a free port of loopback until the test ends; resolves with its address. */
export async function serveConversation(
  t: TestContext,
  conversation: Conversation,
  {
    token = null,
    rows = { shown: false, how: 'Rows are hidden.' },
  }: { readonly token?: string | null; readonly rows?: RowAccess } = {},
): Promise<string> {
  const server = await startInspectServer({
    listen: { host: '127.0.0.1', port: 0 },
    token,
    version: '1.0.0',
    now: () => DAY,
    page: pageAssets,
    conversation,
    rows,
  });
  t.after(() => server.close());
  return server.address;
}

/** Serves an event log or a trace. */
export async function serveFile(
  t: TestContext,
  path: string,
  options: { readonly token?: string; readonly rows?: RowAccess } = {},
): Promise<string> {
  const conversation = createConversation(await fileSource(path), { version: '1.0.0', now: () => DAY });
  return serveConversation(t, conversation, { rows: await hiddenRows(path), ...options });
}
