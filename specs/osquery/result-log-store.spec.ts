import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { resultLogs } from '../../src/osquery/result-log-store.ts';

interface Read {
  readonly isWhole: boolean;
  readonly lines: readonly string[];
}

/** What is read of a directory with such files: of the results' log, then of the snapshots'. */
async function read(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  maxBytes = 1e9,
): Promise<Read[]> {
  const directory = mkdtempSync(join(tmpdir(), 'result-log-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  const logs: Read[] = [];
  for await (const { isWhole, lines } of resultLogs(directory, maxBytes)) {
    const texts: string[] = [];
    for await (const line of lines) texts.push(line.toString());
    logs.push({ isWhole, lines: texts });
  }
  return logs;
}

test('both logs are read, the rotated file before the current one, and a line that is not ended is left out', async (t) => {
  const logs = await read(t, {
    'osqueryd.results.log.1': 'one\ntwo\n',
    'osqueryd.results.log': 'three\n\nfo',
    'osqueryd.snapshots.log': 'snap\n',
  });
  assert.deepEqual(logs, [
    { isWhole: true, lines: ['one', 'two', 'three', ''] },
    { isWhole: true, lines: ['snap'] },
  ]);
});

test('logs that are not there have no lines', async (t) => {
  assert.deepEqual(await read(t, {}), [
    { isWhole: true, lines: [] },
    { isWhole: true, lines: [] },
  ]);
});

test('of a long log its end is read, from the next whole line on', async (t) => {
  const [log] = await read(
    t,
    { 'osqueryd.results.log.1': 'aaaa\nbbbb\n', 'osqueryd.results.log': 'cccc\n' },
    9,
  );
  assert.deepEqual(log, { isWhole: false, lines: ['cccc'] });
  const [exact] = await read(
    t,
    { 'osqueryd.results.log.1': 'aaaa\nbbbb\n', 'osqueryd.results.log': 'cccc\n' },
    11,
  );
  assert.deepEqual(exact, { isWhole: false, lines: ['bbbb', 'cccc'] });
});

test('a line is whole however many reads it takes', async (t) => {
  const long = 'x'.repeat(5 * 1024 * 1024 + 1);
  const [log] = await read(t, { 'osqueryd.results.log': `short\n${long}\nend\n` });
  assert.deepEqual(
    log?.lines.map(({ length }) => length),
    [5, long.length, 3],
  );
});

test('a log that may not be read is an error that says so', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'result-log-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  writeFileSync(join(directory, 'file'), '');
  const logs = resultLogs(join(directory, 'file'), 1);
  await assert.rejects(() => logs.next(), { code: 'ENOTDIR' });
});
