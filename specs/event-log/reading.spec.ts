import assert from 'node:assert/strict';
import { appendFile, cp, mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type LogReading, readLog } from '../../src/event-log/event-log-reader-store.ts';
import type { Command } from '../../src/schedule/commands.ts';
import { initialState } from '../../src/schedule/schedule.ts';
import { logOptions, namesIn, OwnedLog, temporaryDirectory, writeLog } from '../support/event-logs.ts';
import { connect, lose, start, subscribe } from '../support/schedule-builders.ts';

const ZEEK = 'zeek:9999';
const history = [
  start(0),
  ...[1, 2, 3].flatMap((n) => [connect(n, ZEEK, `${n}`), subscribe(n, ZEEK, `${n}`)]),
];
const small = { maxSegmentBytes: 1100 };

async function seqsOf({ records }: LogReading): Promise<number[]> {
  const seqs: number[] = [];
  for await (const { seq } of records) seqs.push(seq);
  return seqs;
}

const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, at) => first + at);

describe('A log is read', () => {
  test('as a directory or as the state directory around it, beside its writer', async (t) => {
    const state = await temporaryDirectory(t);
    const directory = join(state, 'event-log');
    await writeLog(directory, history, small);
    const writer = await OwnedLog.open(logOptions(directory));
    for (const path of [state, directory]) {
      const reading = await readLog(path);
      assert.deepEqual(reading.base, { seq: 0, state: initialState() });
      assert.deepEqual(await seqsOf(reading), upTo(10));
      const { read, total } = reading.progress();
      assert.equal(read, total);
      assert.equal(reading.unfinished(), null);
    }
    await writer.close();
  });

  test('as one segment, with the state before it where a snapshot lies beside', async (t) => {
    const directory = await temporaryDirectory(t);
    await writeLog(directory, history, small);
    const reading = await readLog(join(directory, 'segment-0000000000000006.jsonl'));
    assert.equal(reading.base?.seq, 5);
    assert.deepEqual(await seqsOf(reading), [6, 7, 8]);
    const alone = join(await temporaryDirectory(t), 'copy-from-a-customer.jsonl');
    await cp(join(directory, 'segment-0000000000000006.jsonl'), alone);
    const copy = await readLog(alone);
    assert.equal(copy.base, null);
    assert.deepEqual(await seqsOf(copy), [6, 7, 8]);
  });

  test('not as if the state before it were unknown, where a newer version has written it down', async (t) => {
    const directory = await temporaryDirectory(t);
    await writeLog(directory, history, small);
    const snapshot = join(directory, 'snapshot-0000000000000005.json');
    await writeFile(snapshot, (await readFile(snapshot, 'utf8')).replace('"v":1', '"v":2'));
    await assert.rejects(readLog(join(directory, 'segment-0000000000000006.jsonl')), {
      code: 'newer-format',
      message: `a snapshot in format 2, from a newer bro-osquery: use that one (${snapshot}, byte 0)`,
    });
  });

  test('as a stream', async (t) => {
    const directory = await temporaryDirectory(t);
    await writeLog(directory, history, small);
    const names = await namesIn(directory, /^segment/);
    const chunks = async function* (from: number) {
      for (const name of names.slice(from)) {
        const bytes = await readFile(join(directory, name));
        for (let at = 0; at < bytes.length; at += 100) yield bytes.subarray(at, at + 100);
      }
    };
    const whole = await readLog('-', { stdin: chunks(0) });
    assert.deepEqual(whole.base, { seq: 0, state: initialState() });
    assert.deepEqual(await seqsOf(whole), upTo(10));
    const tail = await readLog('-', { stdin: chunks(2) });
    assert.equal(tail.base, null);
    assert.deepEqual(await seqsOf(tail), upTo(10, 6));
  });

  test('without what was not finished when its writer died: never half a decision', async (t) => {
    const directory = await temporaryDirectory(t);
    await writeLog(directory, [start(0), connect(1, ZEEK, 'a'), subscribe(2, ZEEK, 'a'), start(3)]);
    const segment = join(directory, 'segment-0000000000000001.jsonl');
    const whole = await readFile(segment);
    // The last decision has two facts; from the first one on, nothing of it counts.
    const lines = whole.toString().split('\n');
    const kept = lines.slice(0, 4).join('\n').length + 1;
    for (const cut of [1, 100, whole.length - kept]) {
      await truncate(segment, whole.length - cut);
      const reading = await readLog(directory);
      assert.deepEqual(await seqsOf(reading), upTo(4));
      const left = whole.length - cut - kept;
      assert.equal(reading.unfinished(), left === 0 ? null : `${left} bytes at the end of ${segment}`);
      await appendFile(segment, whole.subarray(whole.length - cut));
    }
  });

  test('while it is written: what comes, comes, over the ends of segments too, until the reader has enough', async (t) => {
    const directory = await temporaryDirectory(t);
    const log = await OwnedLog.open(logOptions(directory, small));
    const append = (command: Command) => log.decide(command);
    await append(start(0));
    const enough = new AbortController();
    const reading = await readLog(directory, { follow: enough.signal, pollEvery: 2 });
    const seqs: number[] = [];
    for await (const { seq } of reading.records) {
      seqs.push(seq);
      if (seq >= 2 && seq % 2 === 0) await append(connect(seq, ZEEK, `${seq}`));
      if (seq % 2 === 1) await append(lose(seq, ZEEK));
      if (seq === 12) enough.abort();
    }
    assert.deepEqual(seqs.slice(0, 12), upTo(12));
    assert.ok((await namesIn(directory, /^segment/)).length > 2);
    await log.close();
  });

  test('that is not there: said so', async (t) => {
    const directory = await temporaryDirectory(t);
    await assert.rejects(readLog(join(directory, 'nowhere')), {
      code: 'not-found',
      message: `could not read ${directory}/nowhere: it does not exist`,
    });
    await mkdir(join(directory, 'empty'));
    await assert.rejects(readLog(join(directory, 'empty')), {
      code: 'not-found',
      message: `there is no event log in ${directory}/empty: neither segments nor event-log/`,
    });
  });

  test('that is no log: the place and the reason', async (t) => {
    const path = join(await temporaryDirectory(t), 'notes.txt');
    await appendFile(path, 'these are my notes\n');
    await assert.rejects(readLog(path), {
      code: 'bad-checksum',
      message: `the record's checksum is wrong (${path}, byte 0)`,
    });
  });
});
