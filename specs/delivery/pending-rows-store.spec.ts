import assert from 'node:assert/strict';
import { test } from 'node:test';
import { executionEntry } from '../../src/delivery/execution-entry.ts';
import { JournalStore } from '../../src/delivery/journal-store.ts';
import { countPendingRows } from '../../src/delivery/pending-rows-store.ts';
import { batchLine, logEntry, subscription } from '../support/delivery-harness.ts';
import { temporaryDirectory } from '../support/event-logs.ts';

const yieldControl = () => Promise.resolve();

/** Who has asked for what: `ended` is nobody's any more. */
const peerOf = (name: string) => ({ bro_1: 'one', bro_2: 'two' })[name];

async function pending(directory: string, cursors: Readonly<Record<string, number>>) {
  const counted = await countPendingRows(directory, {
    ...{ cursors: new Map(Object.entries(cursors)), peerOf, yieldControl },
  });
  return Object.fromEntries(counted);
}

test('rows that a Bro has not confirmed are counted, and neither those of others nor of ended queries', async (t) => {
  const directory = await temporaryDirectory(t);
  const journal = await JournalStore.open({ directory, now: () => 1_700_000_000_000, segmentBytes: 1 });
  t.after(() => journal.close());
  const appended = await journal.append(logEntry(batchLine('bro_1', { added: ['1', '2', '3'] })));
  const next = await journal.append(
    logEntry(Buffer.concat([batchLine('bro_2', { added: ['4'] }), batchLine('bro_1', { removed: ['1'] })])),
  );
  await journal.append(logEntry(batchLine('ended', { added: ['5', '6'] })));
  const once = subscription('two', 'once');
  await journal.append(await executionEntry(once, 1_700_000_000, [{ n: '7' }, { n: '8' }], { yieldControl }));
  assert.ok(appended.accepted && next.accepted);
  const first = appended.entry.sequence;
  const second = next.entry.sequence;
  assert.deepEqual(await pending(directory, { one: 0, two: 0 }), { one: 4, two: 3 });
  assert.deepEqual(await pending(directory, { one: first + 2, two: second + 1 }), { one: 2, two: 2 });
  assert.deepEqual(await pending(directory, { one: second, three: 0 }), { one: 1, three: 0 });
  assert.deepEqual(await pending(directory, { one: Number.MAX_SAFE_INTEGER }), { one: 0 });
});

test('where there is no journal no rows wait', async (t) => {
  assert.deepEqual(await pending(`${await temporaryDirectory(t)}/none`, { one: 0 }), { one: 0 });
});
