import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { READING_LIMITS, readFileRows } from '../../src/zeek-agent/file-store.ts';
import { IGNORED_LINES } from '../../src/zeek-agent/tables.ts';

function folder(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'files-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

const now = () => 0;
const lines = (pattern: string) => ({ kind: 'lines', name: 'zeek_agent_1', pattern }) as const;
const fields = (pattern: string, ignore = IGNORED_LINES) =>
  ({ kind: 'fields', name: 'zeek_agent_1', pattern, fields: [1, 2], separator: '', ignore }) as const;

test('lines of all files that a pattern means, in the order of their paths, numbered from 1', async (t) => {
  const at = folder(t);
  for (const home of ['b', 'a', '.c']) mkdirSync(join(at, home));
  writeFileSync(join(at, 'a/keys'), '  one  \n\ntwo');
  writeFileSync(join(at, 'b/keys'), Buffer.from([0x61, 0xff, 0x0a]));
  writeFileSync(join(at, '.c/keys'), 'hidden\n');
  mkdirSync(join(at, 'b/dir'));
  symlinkSync(join(at, 'a/keys'), join(at, 'b/link'));
  symlinkSync(join(at, 'nowhere'), join(at, 'b/dangling'));
  assert.deepEqual(await readFileRows(lines(`${at}/*/keys`), READING_LIMITS, now), [
    [`${at}/a/keys`, '1', 'one'],
    [`${at}/a/keys`, '2', ''],
    [`${at}/a/keys`, '3', 'two'],
    [`${at}/b/keys`, '1', 'a\udcff'],
  ]);
  assert.deepEqual(
    (await readFileRows(lines(`${at}/b/*`), READING_LIMITS, now)).map(([path]) => path),
    [`${at}/b/keys`, `${at}/b/link`, `${at}/b/link`, `${at}/b/link`],
  );
  assert.deepEqual(await readFileRows(lines(`${at}/nothing/*/x`), READING_LIMITS, now), []);
});

test('fields of lines that are not passed over, with the numbers of the lines in the file', async (t) => {
  const at = folder(t);
  writeFileSync(join(at, 'f'), '# comment\n\n Port 22 # ssh\n  ; also\nBanner\n');
  const rows = async (ignore?: string) =>
    (await readFileRows(fields(join(at, 'f'), ignore), READING_LIMITS, now)).map(([, ...rest]) => rest);
  assert.deepEqual(await rows(), [
    ['3', '["Port","22"]'],
    ['5', '["Banner",null]'],
  ]);
  assert.equal((await rows('')).length, 5);
  assert.deepEqual(await rows('^[[:blank:]]*[^[:space:]B]|^$'), [['5', '["Banner",null]']]);
  await assert.rejects(rows('('), /"\(", no regular expression/);
});

test('what is no regular file is not read, for it may never end', async (t) => {
  const at = folder(t);
  execFileSync('mkfifo', [join(at, 'pipe')]);
  writeFileSync(join(at, 'plain'), 'x');
  assert.deepEqual(await readFileRows(lines(`${at}/*`), READING_LIMITS, now), [[`${at}/plain`, '1', 'x']]);
  assert.deepEqual(await readFileRows(lines('/dev/zero'), READING_LIMITS, now), []);
});

test('a pattern that means too much is refused as a whole', async (t) => {
  const at = folder(t);
  for (let n = 0; n < 5; n += 1) writeFileSync(join(at, `f${n}`), 'line\nline\n');
  const limited = (limits: object, clock = now) =>
    readFileRows(lines(`${at}/*`), { ...READING_LIMITS, ...limits }, clock);
  assert.equal((await limited({ files: 5, bytes: 50, lines: 10 })).length, 10);
  await assert.rejects(limited({ files: 4 }), /means more than 4 files, which this host does not read/);
  await assert.rejects(limited({ bytes: 49 }), /means files of more than 49 bytes together/);
  await assert.rejects(limited({ lines: 9 }), /means files of more than 9 lines together/);
  let time = 0;
  const slow = () => {
    time += 1_000;
    return time;
  };
  await assert.rejects(limited({ time: 3_000 }, slow), /took more than 3000 ms to read/);
});

test('an expression that takes for ever is stopped', async (t) => {
  const at = folder(t);
  writeFileSync(join(at, 'f'), `${'a'.repeat(64)}!\n`);
  const endless = fields(join(at, 'f'), '^(a+)+$');
  await assert.rejects(readFileRows(endless, READING_LIMITS, now), /took more than 200 ms to compare/);
});
