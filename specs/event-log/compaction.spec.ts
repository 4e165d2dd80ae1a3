import assert from 'node:assert/strict';
import { readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { logOptions, namesIn, OwnedLog, temporaryDirectory, writeLog } from '../support/event-logs.ts';
import { connect, DAY, lose, start, subscribe } from '../support/schedule-builders.ts';

const ZEEK = 'zeek:9999';
const history = [
  start(0),
  ...[1, 2, 3].flatMap((n) => [connect(n, ZEEK, `${n}`), subscribe(n, ZEEK, `${n}`)]),
];
const small = { maxSegmentBytes: 1100 };

/** The state that a log has once it is opened. */
async function stateIn(directory: string) {
  const log = await OwnedLog.open(logOptions(directory, small));
  const { state, report, seq } = log;
  await log.close();
  return { state, report, seq };
}

describe('A segment that is full', () => {
  test('is followed by another, named by its first record, and a snapshot of the state between them', async (t) => {
    const directory = await temporaryDirectory(t);
    await writeLog(directory, history, small);
    assert.deepEqual(await namesIn(directory, /^(segment|snapshot)/), [
      'segment-0000000000000001.jsonl',
      'segment-0000000000000004.jsonl',
      'segment-0000000000000006.jsonl',
      'segment-0000000000000009.jsonl',
      'snapshot-0000000000000003.json',
      'snapshot-0000000000000005.json',
      'snapshot-0000000000000008.json',
      'snapshot-0000000000000010.json',
    ]);
  });

  test('needs not be read again: the log opens with the newest snapshot and the records behind it', async (t) => {
    const directory = await temporaryDirectory(t);
    await writeLog(directory, history, small);
    const whole = await stateIn(directory);
    assert.equal(whole.report.foldedFrom, 10);
    await rm(join(directory, 'snapshot-0000000000000010.json'));
    await writeFile(join(directory, 'segment-0000000000000001.jsonl'), 'nobody reads this\n');
    const { state, report } = await stateIn(directory);
    assert.equal(report.foldedFrom, 8);
    assert.deepEqual(state, whole.state);
  });

  test('is read again where no snapshot is good', async (t) => {
    const directory = await temporaryDirectory(t);
    await writeLog(directory, history, small);
    const whole = await stateIn(directory);
    for (const name of await namesIn(directory, /^snapshot/)) {
      const path = join(directory, name);
      await writeFile(path, (await readFile(path, 'utf8')).replace('"nextName":', '"nextName":1'));
    }
    const { state, report } = await stateIn(directory);
    assert.equal(report.foldedFrom, 0);
    assert.deepEqual(state, whole.state);
  });

  test('and gone, with no good snapshot of what it said: the log does not open, and says what to do', async (t) => {
    const directory = await temporaryDirectory(t);
    await writeLog(directory, history, small);
    for (const name of await namesIn(directory, /^snapshot|-0000000000000001.jsonl$/)) {
      await rm(join(directory, name));
    }
    await assert.rejects(stateIn(directory), {
      code: 'bad-snapshot',
      message: `records before 4 are missing in ${directory}, and no valid snapshot covers them; restore the directory from a copy, or move it away: then a new log is started and Zeeks send their requests again`,
    });
  });

  test('and gone from between: the log does not open', async (t) => {
    const directory = await temporaryDirectory(t);
    await writeLog(directory, history, small);
    for (const name of await namesIn(directory, /^snapshot|-0000000000000006.jsonl$/)) {
      await rm(join(directory, name));
    }
    await assert.rejects(stateIn(directory), {
      code: 'bad-sequence',
      message:
        /^found record 9 where record 6 was expected \(.*segment-0000000000000009\.jsonl, byte 0\); 'bro-osquery log verify'/,
    });
  });

  test('and taken away from the end: the snapshot knows what it said, and the log goes on behind it', async (t) => {
    const directory = await temporaryDirectory(t);
    await writeLog(directory, history, small);
    await rm(join(directory, 'segment-0000000000000009.jsonl'));
    await writeLog(directory, [lose(9, ZEEK)], small);
    assert.deepEqual((await namesIn(directory, /^segment/)).at(-1), 'segment-0000000000000011.jsonl');
    const { seq, state } = await stateIn(directory);
    assert.deepEqual([seq, state.bros[ZEEK]?.connected], [11, false]);
  });

  test('older than the retention goes, up to a snapshot that the rest begins with', async (t) => {
    const directory = await temporaryDirectory(t);
    await writeLog(directory, history, small);
    const before = await stateIn(directory);
    const old = new Date(DAY - 5000);
    for (const name of await namesIn(directory, /^segment-000000000000000[146]/)) {
      await utimes(join(directory, name), old, old);
    }
    const now = (await stat(join(directory, 'segment-0000000000000009.jsonl'))).mtimeMs;
    await writeLog(directory, [lose(9, ZEEK)], {
      maxSegmentBytes: 1100,
      retention: { age: now - DAY, bytes: 1e9 },
      now: () => now,
    });
    assert.deepEqual(await namesIn(directory, /^(segment|snapshot)/), [
      'segment-0000000000000009.jsonl',
      'snapshot-0000000000000008.json',
      'snapshot-0000000000000011.json',
    ]);
    const after = await stateIn(directory);
    assert.deepEqual(after.state.bros[ZEEK]?.subscriptions, before.state.bros[ZEEK]?.subscriptions);
  });

  test('goes when all together are more than the retention has room for, whatever its age', async (t) => {
    const directory = await temporaryDirectory(t);
    await writeLog(directory, history, { ...small, retention: { age: 1e15, bytes: 1500 } });
    assert.deepEqual(await namesIn(directory, /^(segment|snapshot)/), [
      'segment-0000000000000009.jsonl',
      'snapshot-0000000000000008.json',
      'snapshot-0000000000000010.json',
    ]);
    assert.equal((await stateIn(directory)).seq, 10);
  });
});
