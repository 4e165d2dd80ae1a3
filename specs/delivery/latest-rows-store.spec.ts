import assert from 'node:assert/strict';
import { appendFile, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { executionEntry } from '../../src/delivery/execution-entry.ts';
import { JournalStore } from '../../src/delivery/journal-store.ts';
import { type LatestRowsOptions, readLatestRows } from '../../src/delivery/latest-rows-store.ts';
import { batchLine, logEntry, subscription } from '../support/delivery-harness.ts';
import { temporaryDirectory } from '../support/event-logs.ts';

const yieldControl = () => new Promise<void>((resolve) => setImmediate(resolve));

function latest(directory: string, options: Partial<LatestRowsOptions> = {}) {
  return readLatestRows(directory, {
    ...{ name: 'bro_1', until: null, most: 50, mostBytes: 1024 ** 2, yieldControl },
    ...options,
  });
}

/** The values of the rows, newest first. */
async function numbers(directory: string, options: Partial<LatestRowsOptions> = {}): Promise<string> {
  const { rows } = await latest(directory, options);
  return rows.map(({ columns }) => columns['n']).join(' ');
}

/** A journal in which each entry is a segment of its own, a second after the one before. */
async function journalIn(directory: string): Promise<{ journal: JournalStore; lines: string[] }> {
  let now = 1_700_000_000_000;
  const journal = await JournalStore.open({
    directory,
    now: () => {
      now += 1_000;
      return now;
    },
    segmentBytes: 1,
  });
  return { journal, lines: [] };
}

test('the latest rows of a query are found in every segment, between rows of others', async (t) => {
  const directory = await temporaryDirectory(t);
  const { journal } = await journalIn(directory);
  t.after(() => journal.close());
  await journal.append(logEntry(batchLine('bro_1', { added: ['1', '2'] })));
  await journal.append(logEntry(batchLine('bro_2', { added: ['not ours'] })));
  const both = [
    batchLine('bro_2', { added: ['nor this'] }),
    batchLine('bro_1', { removed: ['3'], added: ['4'] }),
  ];
  await journal.append(logEntry(Buffer.concat(both)));
  const { rows, isCut } = await latest(directory);
  assert.equal(isCut, false);
  assert.deepEqual(
    rows.map(({ change, columns }) => [change, columns['n']]),
    [
      ['ADDED', '4'],
      ['REMOVED', '3'],
      ['ADDED', '2'],
      ['ADDED', '1'],
    ],
  );
  const [newest, , , oldest] = rows;
  assert.ok(newest && oldest && newest.receivedAt > oldest.receivedAt && newest.sequence > oldest.sequence);
  assert.equal(await numbers(directory, { until: oldest.receivedAt }), '2 1');
  assert.equal(await numbers(directory, { most: 3 }), '4 3 2');
  assert.equal(await numbers(directory, { most: 1 }), '4');
  assert.equal(await numbers(directory, { name: 'bro_3' }), '');
});

test('the rows of a one-time query are found by its name too', async (t) => {
  const directory = await temporaryDirectory(t);
  const { journal } = await journalIn(directory);
  t.after(() => journal.close());
  const handover = await executionEntry(subscription('zeek:9999', 'bro_1'), 1_700_000_000, [{ n: '7' }], {
    yieldControl,
  });
  await journal.append(handover);
  assert.equal(await numbers(directory), '7');
});

test('no more of the journal is looked through than is wanted, and that is said', async (t) => {
  const directory = await temporaryDirectory(t);
  const { journal } = await journalIn(directory);
  t.after(() => journal.close());
  for (const n of ['1', '2', '3']) await journal.append(logEntry(batchLine('bro_1', { added: [n] })));
  const mostBytes = Math.ceil(journal.bytes * 0.7);
  assert.deepEqual(await numbers(directory, { mostBytes }), '3 2');
  assert.equal((await latest(directory, { mostBytes })).isCut, true);
});

test('reading beside a writer changes no file, and passes over what is half written', async (t) => {
  const directory = await temporaryDirectory(t);
  const journal = await JournalStore.open({ directory, now: () => 1_700_000_000_000 });
  t.after(() => journal.close());
  await journal.append(logEntry(batchLine('bro_1', { added: ['1'] })));
  const [name = ''] = await readdir(directory);
  const path = join(directory, name);
  // As a reader may see it while a record is being written.
  await appendFile(path, (await readFile(path)).subarray(0, 40));
  const before = { bytes: await readFile(path), at: (await stat(path)).mtimeMs };
  assert.equal(await numbers(directory), '1');
  assert.deepEqual({ bytes: await readFile(path), at: (await stat(path)).mtimeMs }, before);
  await journal.append(logEntry(batchLine('bro_1', { added: ['2'] })));
  assert.equal(await numbers(directory), '2 1');
  assert.deepEqual(await readdir(directory), [name]);
});

test('a journal that is not there yet has no rows', async (t) => {
  assert.deepEqual(await latest(join(await temporaryDirectory(t), 'journal')), { rows: [], isCut: false });
});
