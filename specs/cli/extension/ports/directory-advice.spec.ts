import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { directoryAdvice } from '../../../../src/cli/extension/ports/directory-advice.ts';

const us = process.geteuid?.() ?? 0;
const fine = { problem: null, warnings: [] };

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'advice-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

test('a state directory that we made, that root did, or that is not there yet is fine', async (t) => {
  const path = folder(t);
  assert.deepEqual(await directoryAdvice(path, us), fine);
  assert.deepEqual(await directoryAdvice(join(path, 'later/state'), us), fine);
  mkdirSync(join(path, 'real'));
  symlinkSync(join(path, 'real'), join(path, 'link'));
  assert.deepEqual(await directoryAdvice(join(path, 'link'), us), fine);
  assert.deepEqual(await directoryAdvice('/', 12_345), fine);
});

test('what is not a directory is refused, with what to do', async (t) => {
  const path = folder(t);
  const file = join(path, 'file');
  const link = join(path, 'link');
  writeFileSync(file, '');
  symlinkSync(join(path, 'nothing'), link);
  const remedy = 'replace it with a directory, or set another state_dir';
  assert.deepEqual(await directoryAdvice(file, us), {
    problem: `the state directory ${file} is not a directory: ${remedy}`,
    warnings: [],
  });
  assert.deepEqual(await directoryAdvice(link, us), {
    problem: `the state directory ${link} is a dangling symbolic link: ${remedy}`,
    warnings: [],
  });
});

test('one that others may write is used, with a warning that says who and what to do', async (t) => {
  const path = folder(t);
  chmodSync(path, 0o1777);
  const danger = 'who can make this host connect to a Zeek of theirs';
  const writable = `others may write the state directory ${path} (mode 1777), ${danger}: chmod 0700 it`;
  assert.deepEqual(await directoryAdvice(path, us), { problem: null, warnings: [writable] });
  // Root's own directory is nobody else's; as another user's ours is another's.
  if (us === 0) return;
  assert.deepEqual(await directoryAdvice(path, us + 1), {
    problem: null,
    warnings: [
      `the state directory ${path} belongs to user ${us}, ${danger}: chown it to ${us + 1}`,
      writable,
    ],
  });
});

test("another user's directory is used, with a warning", { skip: us !== 0 && 'needs root' }, async (t) => {
  const path = folder(t);
  chownSync(path, 65_534, 65_534);
  assert.deepEqual(await directoryAdvice(path, us), {
    problem: null,
    warnings: [
      `the state directory ${path} belongs to user 65534, who can make this host connect to a Zeek of theirs: chown it to 0`,
    ],
  });
});
