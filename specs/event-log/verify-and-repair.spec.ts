import assert from 'node:assert/strict';
import { open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openEventLog } from '../../src/event-log/event-log-store.ts';
import { printRecord } from '../../src/event-log/record.ts';
import { repairLog } from '../../src/event-log/repair-store.ts';
import { parseSnapshot, printSnapshot } from '../../src/event-log/snapshot.ts';
import { verifyLog } from '../../src/event-log/verify-store.ts';
import { logOptions, namesIn, OwnedLog, temporaryDirectory, writeLog } from '../support/event-logs.ts';
import { connect, DAY, second, start, subscribe } from '../support/schedule-builders.ts';

const ZEEK = 'zeek:9999';
const history = [
  start(0),
  ...[1, 2, 3].flatMap((n) => [connect(n, ZEEK, `${n}`), subscribe(n, ZEEK, `${n}`)]),
];
const small = { maxSegmentBytes: 1100 };

/** Turns a bit of a byte in the middle of that file. */
async function damage(path: string, offset: number): Promise<void> {
  const file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, offset);
  byte[0] = (byte[0] ?? 0) ^ 1;
  await file.write(byte, 0, 1, offset);
  await file.close();
}

async function problemsOf(directory: string): Promise<string[]> {
  const { problems } = await verifyLog(directory);
  return problems.map(({ message }) => message.replaceAll(`${directory}/`, ''));
}

describe('bro-osquery log verify', () => {
  test('finds nothing in a log that is whole', async (t) => {
    const directory = await temporaryDirectory(t);
    await writeLog(directory, history, small);
    const { segments, snapshots, ...rest } = await verifyLog(directory);
    assert.deepEqual(
      segments.map(({ name, first, last }) => [name, first, last]),
      [
        ['segment-0000000000000001.jsonl', 1, 3],
        ['segment-0000000000000004.jsonl', 4, 5],
        ['segment-0000000000000006.jsonl', 6, 8],
        ['segment-0000000000000009.jsonl', 9, 10],
      ],
    );
    assert.deepEqual(
      snapshots.map(({ seq }) => seq),
      [3, 5, 8, 10],
    );
    assert.deepEqual(rest, { unknownTypes: {}, wholeUntil: 10, tornBytes: 0, problems: [] });
  });

  test('finds a bit that has turned, and says up to where all is whole', async (t) => {
    const directory = await temporaryDirectory(t);
    await writeLog(directory, history, small);
    await damage(join(directory, 'segment-0000000000000006.jsonl'), 250);
    assert.deepEqual(await problemsOf(directory), [
      "the record's checksum is wrong (segment-0000000000000006.jsonl, byte 224)",
    ]);
    assert.equal((await verifyLog(directory)).wholeUntil, 5);
  });

  test('finds a missing segment, a damaged snapshot, and a snapshot of another state', async (t) => {
    const directory = await temporaryDirectory(t);
    await writeLog(directory, history, small);
    await damage(join(directory, 'snapshot-0000000000000003.json'), 100);
    const path = join(directory, 'snapshot-0000000000000005.json');
    const { seq, state } = parseSnapshot(await readFile(path, 'utf8'));
    await writeFile(path, printSnapshot({ seq, state: { ...state, nextName: 99 } }));
    await rm(join(directory, 'segment-0000000000000006.jsonl'));
    assert.deepEqual(await problemsOf(directory), [
      'the snapshot is of an older version, or damaged (snapshot-0000000000000003.json, byte 0)',
      'the snapshot of record 5 does not match the records up to it',
      'found record 9 where record 6 was expected (segment-0000000000000009.jsonl, byte 0)',
    ]);
  });

  test('counts what a crash has left, and types that only another version knows', async (t) => {
    const directory = await temporaryDirectory(t);
    await writeLog(directory, [start(0)]);
    const segment = join(directory, 'segment-0000000000000001.jsonl');
    const moon = { seq: 3, time: DAY, type: 'MoonRose', cause: null, rest: 0, data: {} };
    const line = printRecord(moon);
    await writeFile(segment, `${await readFile(segment, 'utf8')}${line}\n${line.slice(0, 33)}`);
    const { problems, tornBytes, unknownTypes, wholeUntil } = await verifyLog(directory);
    assert.deepEqual(
      { problems, tornBytes, unknownTypes, wholeUntil },
      { problems: [], tornBytes: 33, unknownTypes: { MoonRose: 1 }, wholeUntil: 3 },
    );
  });
});

describe('bro-osquery log repair', () => {
  const logId = 'feedbeef-0000-4000-8000-000000000002';

  test('cuts the log off after a record, keeps a copy, and lets no name come again', async (t) => {
    const directory = await temporaryDirectory(t);
    await writeLog(directory, history, small);
    const segment = join(directory, 'segment-0000000000000006.jsonl');
    const before = await readFile(segment);
    await damage(segment, before.length - 10);
    const damaged = await readFile(segment);
    for (const name of await namesIn(directory, /^snapshot/)) await rm(join(directory, name));
    await assert.rejects(openEventLog(logOptions(directory)), { code: 'bad-checksum' });

    const repair = await repairLog(directory, 7, { logId, now: second(100) });

    assert.deepEqual(repair, {
      copies: join(directory, 'before-repair-20261124T000140Z'),
      changed: ['segment-0000000000000006.jsonl', 'segment-0000000000000009.jsonl'],
      until: 7,
    });
    assert.deepEqual(await readFile(join(repair.copies, 'segment-0000000000000006.jsonl')), damaged);
    const { problems, wholeUntil } = await verifyLog(directory);
    assert.deepEqual([problems, wholeUntil], [[], 8]);
    const log = await OwnedLog.open(logOptions(directory));
    for (const command of [connect(200, ZEEK, 'new'), subscribe(201, ZEEK, 'new')]) {
      await log.decide(command);
    }
    assert.deepEqual(Object.keys(log.state.bros[ZEEK]?.subscriptions ?? {}), ['bro_feedbeef_3']);
    await log.close();
  });

  test('refuses a record within a decision, one that is not there, and one behind the damage', async (t) => {
    const directory = await temporaryDirectory(t);
    await writeLog(directory, history, small);
    const options = { logId, now: second(100) };
    await assert.rejects(repairLog(directory, 1, options), {
      code: 'bad-sequence',
      message: 'record 1 is not the last of its decision, and decisions are kept as a whole; keep up to 2',
    });
    await assert.rejects(repairLog(directory, 99, options), {
      code: 'bad-sequence',
      message: 'there is no record 99: the last one is 10',
    });
    await damage(join(directory, 'segment-0000000000000009.jsonl'), 10);
    await assert.rejects(repairLog(directory, 9, options), { code: 'bad-checksum' });
    assert.deepEqual(await namesIn(directory, /^before-repair/), []);
  });

  test('refuses while somebody writes', async (t) => {
    const directory = await temporaryDirectory(t);
    const log = await OwnedLog.open(logOptions(directory));
    await log.decide(start(0));
    await assert.rejects(repairLog(directory, 2, { logId, now: second(100) }), { code: 'locked' });
    await log.close();
  });
});
