import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { JournalStore } from '../../src/delivery/journal-store.ts';
import { batchLine, logEntry } from './delivery-harness.ts';
import { temporaryDirectory, writeLog } from './event-logs.ts';
import { bro, connect, query, start, subscribe } from './schedule-builders.ts';

export const EVIL = '<script>document.title = "evil"</script><img src=x onerror=alert(1)>';

/** A state directory with a subscription and, in its journal, a row of it that would do harm as markup. */
export async function directoryWithRows(
  t: TestContext,
): Promise<{ directory: string; journal: JournalStore; name: string }> {
  const directory = await temporaryDirectory(t);
  await writeLog(join(directory, 'event-log'), [
    start(0),
    connect(1, 'zeek:9999', 'a'),
    subscribe(2, 'zeek:9999', 'a', { query: query({ sql: 'SELECT n FROM t' }) }),
  ]);
  const journal = await JournalStore.open({
    directory: join(directory, 'journal'),
    now: () => 1_795_514_240_000,
  });
  t.after(() => journal.close());
  const name = bro(1);
  await journal.append(logEntry(batchLine(name, { added: [EVIL] })));
  return { directory, journal, name };
}
