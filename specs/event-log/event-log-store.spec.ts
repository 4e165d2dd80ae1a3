import assert from 'node:assert/strict';
import { appendFile, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openEventLog } from '../../src/event-log/event-log-store.ts';
import { decide } from '../../src/schedule/decide.ts';
import { DEFAULT_POLICY } from '../../src/schedule/policy.ts';
import { initialState, subscriptions } from '../../src/schedule/schedule.ts';
import { logOptions, namesIn, OwnedLog, temporaryDirectory, writeLog } from '../support/event-logs.ts';
import { bro, connect, start, subscribe } from '../support/schedule-builders.ts';

test('what was appended is there after the log was reopened', async (t) => {
  const directory = join(await temporaryDirectory(t), 'state', 'event-log');
  const log = await OwnedLog.open(logOptions(directory));
  assert.deepEqual([log.state, log.seq], [initialState(), 0]);
  for (const command of [start(0), connect(1, 'zeek:9999', 'a'), subscribe(2, 'zeek:9999', 'a')]) {
    await log.decide(command);
  }
  await log.close();
  const again = await OwnedLog.open(logOptions(directory));
  assert.equal(again.seq, 4);
  assert.deepEqual(again.report, { records: 4, foldedFrom: 4, torn: null });
  assert.deepEqual(again.state, log.state);
  assert.deepEqual(
    subscriptions(again.state).map(({ name }) => name),
    [bro(1)],
  );
  await again.close();
});

test('a torn last record is cut off, reported, and its place taken by the next', async (t) => {
  const directory = await temporaryDirectory(t);
  const segment = join(directory, 'segment-0000000000000001.jsonl');
  const log = await OwnedLog.open(logOptions(directory));
  await log.decide(start(0));
  const { length } = await readFile(segment);
  await log.decide(connect(1, 'zeek:9999', 'a'));
  const whole = (await readFile(segment)).length;
  await log.close();
  for (const name of await readdir(directory)) {
    if (name.startsWith('snapshot')) await truncate(join(directory, name), 3);
  }
  await truncate(segment, whole - 20);
  const again = await OwnedLog.open(logOptions(directory));
  assert.deepEqual(again.report, {
    records: 2,
    foldedFrom: 0,
    torn: {
      file: segment,
      offset: length,
      bytes: whole - 20 - length,
      reason: 'the last record is not complete',
    },
  });
  assert.equal((await readFile(segment)).length, length);
  await again.decide(connect(2, 'zeek:9999', 'b'));
  assert.equal(again.seq, 3);
  await again.close();
});

test('a last record whose bytes never all reached the disk is cut off, and none before it', async (t) => {
  const directory = await temporaryDirectory(t);
  const segment = join(directory, 'segment-0000000000000001.jsonl');
  await writeLog(directory, [start(0), connect(1, 'zeek:9999', 'a'), connect(2, 'zeek:9999', 'b')]);
  for (const name of await namesIn(directory, /^snapshot/)) await rm(join(directory, name));
  const bytes = await readFile(segment);
  const last = bytes.lastIndexOf('\n', bytes.length - 2) + 1;
  // The length was there before the data: a power cut leaves zeros, with the line end or without.
  await writeFile(
    segment,
    Buffer.concat([bytes.subarray(0, last + 20), Buffer.alloc(50), Buffer.from('\n')]),
  );
  const log = await OwnedLog.open(logOptions(directory));
  assert.deepEqual(log.report, {
    records: 3,
    foldedFrom: 0,
    torn: {
      file: segment,
      offset: last,
      bytes: 71,
      reason: `the record's checksum is wrong (${segment}, byte ${last})`,
    },
  });
  await log.close();
});

test('a log that another process writes is not written, and the error names that process', async (t) => {
  const directory = await temporaryDirectory(t);
  const log = await OwnedLog.open(logOptions(directory));
  await assert.rejects(openEventLog(logOptions(directory)), {
    name: 'EventLogError',
    code: 'locked',
    message: `the event log in ${directory} is in use by process ${process.pid} since 2026-11-24T00:00:00.000Z; stop that one first`,
  });
  await log.close();
  await (await openEventLog(logOptions(directory))).close();
});

test('damage in the middle stops the log with file, offset and what to do', async (t) => {
  const directory = await temporaryDirectory(t);
  const segment = join(directory, 'segment-0000000000000001.jsonl');
  await appendFile(segment, '{"v":1,"seq":1,"rubbish":true}\n');
  const log = await OwnedLog.open(logOptions(await temporaryDirectory(t)));
  const [record] = await log.decide(start(0));
  assert.ok(record);
  await log.close();
  await appendFile(
    segment,
    `${(await readFile(join(log.directory, 'segment-0000000000000001.jsonl'), 'utf8')).split('\n')[0]}\n`,
  );
  await assert.rejects(openEventLog(logOptions(directory)), {
    name: 'EventLogError',
    code: 'bad-checksum',
    message:
      /the record's checksum is wrong \(.*segment-0000000000000001\.jsonl, byte 0\); 'bro-osquery log verify'/,
  });
});

test('a decision on a state that the log has left is refused, and leaves nothing', async (t) => {
  const log = await OwnedLog.open(logOptions(await temporaryDirectory(t)));
  await log.decide(start(0));
  const joined = decide(log.state, connect(1, 'zeek:9999', 'a'), DEFAULT_POLICY).events;
  const stale = { name: 'EventLogError', code: 'conflict' };
  await assert.rejects(log.log.append(log.seq - 1, joined), {
    ...stale,
    message: 'the event log is at record 2, and this was decided at record 1; decide again',
  });
  await assert.rejects(log.log.append(log.seq + 1, joined), stale);
  const [first, second] = await Promise.allSettled([
    log.log.append(2, joined),
    log.log.append(2, decide(log.state, connect(1, 'zeek:9998', 'a'), DEFAULT_POLICY).events),
  ]);
  assert.deepEqual(
    [first.status, second.status === 'rejected' && second.reason.code, log.seq],
    ['fulfilled', 'conflict', 2 + joined.length],
  );
  await log.close();
});

test('what is in the log is read after any record, while it is written', async (t) => {
  const log = await OwnedLog.open(logOptions(await temporaryDirectory(t), { maxSegmentBytes: 1100 }));
  const seqs = async (after: number) => {
    const found: number[] = [];
    for await (const { seq } of log.log.read(after)) found.push(seq);
    return found;
  };
  assert.deepEqual(await seqs(0), []);
  await log.decide(start(0));
  for (const n of [1, 2, 3]) await log.decide(connect(n, 'zeek:9999', `${n}`));
  assert.deepEqual(await seqs(0), [1, 2, 3, 4, 5]);
  assert.deepEqual(await seqs(3), [4, 5]);
  assert.deepEqual(await seqs(5), []);
  await log.close();
});
