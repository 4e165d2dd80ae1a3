import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { hasSystemLog, readSystemLog, SYSTEM_LOG_LIMITS } from '../../src/zeek-agent/system-log-client.ts';

/** A program in place of `journalctl`, whose script gets its words. */
function program(t: TestContext, script: string): readonly [string] {
  const directory = mkdtempSync(join(tmpdir(), 'journal-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'journalctl');
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return [path];
}

function entry(at: number, fields: object = {}): string {
  const time = String(1_795_496_058_000_000 + at);
  return JSON.stringify({ __CURSOR: `s=${at}`, __REALTIME_TIMESTAMP: time, ...fields });
}

test('entries come since the cursor, as Zeek Agent has them', async (t) => {
  const entries = [
    entry(1, { _COMM: 'sshd', _EXE: '/usr/sbin/sshd', PRIORITY: '6', MESSAGE: 'hello' }),
    entry(2, { _EXE: '/bin/x', MESSAGE: [104, 105, 255] }),
    entry(3, { SYSLOG_IDENTIFIER: 'cron', MESSAGE: null, PRIORITY: ['3', '4'] }),
    'no JSON',
    '{"__CURSOR":"x"}',
  ];
  const command = program(
    t,
    `[ "$*" = "\${*%--after-cursor=s=0*}" ] && exit 3\ncat <<'END'\n${entries.join('\n')}\nEND`,
  );
  assert.deepEqual(await readSystemLog('s=0', { command }), {
    rows: [
      ['1795496058000001', 'sshd', '6', 'hello', null],
      ['1795496058000002', '/bin/x', null, 'hi\udcff', null],
      ['1795496058000003', 'cron', '3', null, null],
    ],
    cursor: 's=3',
  });
});

test('the first reading begins where the journal ends, or at its start while it has nothing', async (t) => {
  const last = program(t, `echo '${entry(9)}'`);
  assert.deepEqual(await readSystemLog(null, { command: last }), { rows: [], cursor: 's=9' });
  const empty = program(t, 'exit 0');
  assert.deepEqual(await readSystemLog(null, { command: empty }), { rows: [], cursor: '' });
  const { rows, cursor } = await readSystemLog('', { command: last });
  assert.deepEqual([rows.length, cursor], [1, 's=9']);
  assert.deepEqual(await readSystemLog('s=9', { command: empty }), { rows: [], cursor: 's=9' });
});

test('a reading has its bounds, and the next goes on where it ended', async (t) => {
  const command = program(
    t,
    `i=0; while :; do i=$((i+1)); printf '{"__CURSOR":"s=%d","__REALTIME_TIMESTAMP":"1"}\\n' $i; done`,
  );
  const limits = { ...SYSTEM_LOG_LIMITS, entries: 100 };
  const { rows, cursor } = await readSystemLog('s=0', { command, limits });
  assert.deepEqual([rows.length, cursor], [100, 's=100']);
  const few = await readSystemLog('s=0', { command, limits: { ...limits, entries: 1_000_000, bytes: 1 } });
  assert.ok(few.rows.length > 0);
  const hung = program(t, `echo '${entry(1)}'; exec sleep 100`);
  const brief = await readSystemLog('s=0', { command: hung, limits: { ...limits, time: 1_000 } });
  assert.deepEqual(brief.cursor, 's=1');
});

test('a journal that is not there, or can not be read, says so', async (t) => {
  assert.equal(await hasSystemLog({ command: ['/nowhere/journalctl'] }), false);
  assert.equal(await hasSystemLog({ command: program(t, 'exit 1') }), false);
  assert.equal(await hasSystemLog({ command: program(t, 'exit 0') }), true);
  const broken = program(t, 'echo "No permission" >&2; exit 1');
  await assert.rejects(
    readSystemLog('s=0', { command: broken }),
    /journalctl ended with code 1: No permission/,
  );
  await assert.rejects(readSystemLog('s=0', { command: ['/nowhere/journalctl'] }), /ENOENT/);
});
