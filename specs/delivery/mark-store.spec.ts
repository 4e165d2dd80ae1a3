import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { MarkStore } from '../../src/delivery/mark-store.ts';

function directoryOf(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'marks-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

const at = (seconds: number) => () => seconds * 1000;

test('marks survive the process that kept them', async (t) => {
  const directory = directoryOf(t);
  const store = await MarkStore.open({ directory, now: at(1000) });
  store.marks.note(5, { name: 'bro_1_1', unixTime: 1001, counter: 3, rowCount: 2 });
  await store.save(6);
  const again = await MarkStore.open({ directory, now: at(2000) });
  assert.deepEqual(again.marks.kept(6), {
    since: 1000,
    upTo: 6,
    marks: [{ name: 'bro_1_1', unixTime: 1001, counter: 3, rows: 2 }],
  });
  assert.equal(statSync(join(directory, 'marks.json')).mode & 0o777, 0o600);
});

test('with an unreadable file everything before counts as received, and the file is replaced', async (t) => {
  const directory = directoryOf(t);
  writeFileSync(join(directory, 'marks.json'), '{"version":1,"since":');
  const store = await MarkStore.open({ directory, now: at(2000) });
  assert.equal(store.marks.since, 2000);
  assert.deepEqual(JSON.parse(readFileSync(join(directory, 'marks.json'), 'utf8')), {
    version: 1,
    since: 2000,
    upTo: 0,
    marks: [],
  });
});
