import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

test('a snapshot of a million rows passes through without being in memory more than once', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'snapshot-'));
  try {
    const script = join(import.meta.dirname, '../support/snapshot-child.ts');
    const args = ['--expose-gc', '--import', 'tsx', script, directory, '1000000'];
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args);
    const measured = JSON.parse(stdout);
    assert.equal(stderr, '');
    assert.deepEqual([measured.received, measured.wrong], [1_000_000, 0]);
    // Where the rows lie takes 8 bytes each.
    const once = measured.bytes + 8 * 1_000_000;
    assert.ok(measured.peakBuffers < once + 16 * 1024 * 1024, `more than one copy: ${stdout}`);
    assert.ok(measured.peakHeap < 100 * 1024 * 1024, `rows were kept: ${stdout}`);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
