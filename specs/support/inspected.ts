import type { TestContext } from 'node:test';
import { layOutCharts } from '../../src/cli/inspect/charts.ts';
import { pageAssets } from '../../src/cli/inspect/page-assets.ts';
import { hiddenRows } from '../../src/cli/inspect/rows.ts';
import { fileSource } from '../../src/cli/inspect/sources.ts';
import { type Conversation, createConversation, type InspectSource } from '../../src/inspect/conversation.ts';
import { startInspectServer } from '../../src/inspect/inspect-server.ts';
import type { RowAccess } from '../../src/inspect/rows.ts';
import { DAY } from './schedule-builders.ts';

/** Makes something once for all tests of a process. */
function once<Made>(make: () => Promise<Made>): () => Promise<Made> {
  let made: Promise<Made> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

const drawnCharts = once(layOutCharts);
/** For who does not look at them: laying them out takes a second. */
export const noCharts = async () => [];
const page = once(pageAssets);

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
    page,
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
  {
    charts = drawnCharts,
    ...options
  }: { readonly token?: string; readonly rows?: RowAccess; readonly charts?: InspectSource['charts'] } = {},
): Promise<string> {
  const source = { ...(await fileSource(path)), charts };
  const conversation = createConversation(source, { version: '1.0.0', now: () => DAY });
  return serveConversation(t, conversation, { rows: await hiddenRows(path), ...options });
}
