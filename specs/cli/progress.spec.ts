import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linesWithProgress, withProgress } from '../../src/cli/progress.ts';
import type { LogReading } from '../../src/event-log/event-log-reader-store.ts';
import type { LogRecord } from '../../src/event-log/record.ts';
import { surroundings } from '../support/cli-io.ts';
import { DAY } from '../support/schedule-builders.ts';

/** A log of that many records, of a hundred bytes each. */
function readingOf(count: number): LogReading {
  let read = 0;
  return {
    name: 'a log',
    base: null,
    records: (async function* (): AsyncGenerator<LogRecord> {
      for (let seq = 1; seq <= count; seq += 1) {
        read += 100;
        yield { seq, time: DAY, type: 'MoonRose', cause: null, rest: 0, data: {} };
      }
    })(),
    progress: () => ({ read, total: count * 100 }),
    unfinished: () => null,
  };
}

async function read(count: number, terminal: boolean): Promise<{ records: number; shown: string }> {
  const { io, complained } = surroundings({ terminal });
  let records = 0;
  for await (const _ of withProgress(readingOf(count), io.err).records) records += 1;
  return { records, shown: complained() };
}

test('a long log shows how far it is where a terminal watches, and clears the line at the end', async () => {
  assert.deepEqual(await read(10_000, true), {
    records: 10_000,
    shown: `\r${'█'.repeat(15)}${'░'.repeat(15)} 50 %  5000 records\r${'█'.repeat(30)} 100 %  10000 records\r\u001b[K`,
  });
});

test('a short log shows nothing, and neither does a long one without a terminal', async () => {
  assert.deepEqual(await read(100, true), { records: 100, shown: '' });
  assert.deepEqual(await read(10_000, false), { records: 10_000, shown: '' });
});

test('a long file of lines shows the part of its bytes that is read', async () => {
  const { io, complained } = surroundings({ terminal: true });
  const lines = async function* () {
    for (let count = 0; count < 10_000; count += 1) yield '12345678\n';
  };
  let read = 0;
  for await (const line of linesWithProgress(lines(), 90_000, io.err)) read += line.length;
  assert.equal(read, 90_000);
  assert.match(complained(), /^\r█{15}░{15} 50 % {2}5000 lines\r█{30} 100 % {2}10000 lines\r/);
});
