import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import { disk } from '../../src/event-log/disk-store.ts';
import type { EventLogError } from '../../src/event-log/event-log-error.ts';
import { logFiles } from '../../src/event-log/files.ts';
import type { LogRecord } from '../../src/event-log/record.ts';
import { listLog, scanFile } from '../../src/event-log/scan-store.ts';
import { logOptions, OwnedLog, temporaryDirectory } from '../support/event-logs.ts';
import { faultyDisk, systemErrorOf } from '../support/faulty-disk.ts';
import { fact } from '../support/schedule-builders.ts';

/** `make chaos-log` sets it to 1,000. */
const { CHAOS_KILLS, CHAOS_SEED } = process.env;
const KILLS = Number(CHAOS_KILLS ?? 24);
const SEED = Number(CHAOS_SEED ?? 1);

const options = (directory: string) =>
  logOptions(directory, { maxSegmentBytes: 4000, retention: { age: 3_600_000, bytes: 40_000 } });

/** Every record that the directory still has, in order. */
async function recordsIn(directory: string): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for (const { name } of logFiles(await listLog(disk, directory)).segments) {
    for await (const scanned of scanFile(disk, join(directory, name))) {
      records.push(...scanned.map(({ record }) => record));
    }
  }
  return records;
}

/** The decisions in the records, each whole: number and facts. */
function decisionsIn(records: readonly LogRecord[]): number[] {
  const decisions: number[] = [];
  let parts = 0;
  for (const { data, rest } of records) {
    const [n, part] = String((data as { reason: string }).reason)
      .split('.')
      .map(Number);
    assert.equal(part, parts, 'the facts of a decision stand together and in order');
    parts += 1;
    if (rest > 0) continue;
    assert.equal(parts, 1 + ((n ?? 0) % 3), `decision ${n} is whole`);
    decisions.push(n ?? 0);
    parts = 0;
  }
  assert.equal(parts, 0, 'no decision is cut off');
  return decisions;
}

/** Runs the writer until it is dead; what it acknowledged before. */
async function writeUntilKilled(
  directory: string,
  first: number,
  steps: number,
  killAfter: number,
): Promise<number[]> {
  const writer = join(import.meta.dirname, '../support/log-writer.ts');
  const child = spawn(process.execPath, ['--no-warnings', writer, directory, String(first), String(steps)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<NodeJS.Signals | null>((resolve) => {
    child.once('exit', (_, signal) => resolve(signal));
  });
  const acknowledged: number[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const [what, n] = line.split(' ');
    if (what === 'acknowledged') acknowledged.push(Number(n));
    if (acknowledged.length >= killAfter) child.kill('SIGKILL');
  }
  assert.equal(await ended, 'SIGKILL');
  return acknowledged;
}

/** Numbers from a seed, the same each time (Lehmer's generator). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}

describe('After kill -9', () => {
  test(`at ${KILLS} moments (seed ${SEED}) the log opens, has what was acknowledged, and nothing twice`, async (t) => {
    const random = randomFrom(SEED);
    let directory = '';
    let first = 1;
    let present: number[] = [];
    for (let round = 0; round < KILLS; round += 1) {
      // A fresh directory now and then, since beginnings have fault points of their own.
      if (round % 8 === 0) {
        directory = await temporaryDirectory(t);
        [first, present] = [1, []];
      }
      const byItself = random(4) > 0;
      const acknowledged = await writeUntilKilled(
        directory,
        first,
        byItself ? 1 + random(150) : 0,
        byItself ? Number.POSITIVE_INFINITY : 1 + random(60),
      );
      const log = await OwnedLog.open(options(directory));
      const decisions = decisionsIn(await recordsIn(directory));
      assert.deepEqual(
        decisions,
        [...new Set(decisions)].sort((a, b) => a - b),
        'nothing is there twice or out of order',
      );
      // Retention may have let go of the oldest, never of one behind another.
      const oldest = decisions[0] ?? 0;
      const expected = [...present, ...acknowledged].filter((n) => n >= oldest);
      const missing = expected.filter((n) => !decisions.includes(n));
      assert.deepEqual(missing, [], `round ${round}: what was acknowledged is there`);
      assert.ok(decisions.length > 0 || expected.length === 0);
      present = decisions;
      first = (decisions.at(-1) ?? first - 1) + 1;
      await log.close();
    }
  });
});

describe('After a crash at each step that writing takes', () => {
  test('the log opens, has what was acknowledged, and nothing twice', async (t) => {
    const decision = (n: number) =>
      Array.from({ length: 1 + (n % 3) }, (_, part) =>
        fact(n, 'ExtensionStopped', { reason: `${n}.${part}` }),
      );
    let steps = 0;
    for (let died = true; died; ) {
      steps += 1;
      died = false;
      const directory = await temporaryDirectory(t);
      let left = steps;
      const mortal = faultyDisk(disk, () => {
        left -= 1;
        died = left <= 0;
        if (died) throw systemErrorOf('EIO');
      });
      const acknowledged: number[] = [];
      const onWarning = (_: EventLogError) => undefined;
      const dying = await OwnedLog.open({
        ...options(directory),
        maxSegmentBytes: 600,
        disk: mortal,
        onWarning,
      });
      for (let n = 1; n <= 8; n += 1) {
        await dying.append(decision(n)).then(
          () => acknowledged.push(n),
          () => undefined,
        );
      }
      await dying.close();
      const log = await OwnedLog.open(options(directory));
      const decisions = decisionsIn(await recordsIn(directory));
      assert.deepEqual(decisions, [...new Set(decisions)], 'nothing is there twice');
      assert.deepEqual(
        acknowledged.filter((n) => !decisions.includes(n)),
        [],
        `dead from step ${steps} on: what was acknowledged is there`,
      );
      await log.append(decision(9));
      assert.equal(decisionsIn(await recordsIn(directory)).at(-1), 9);
      await log.close();
    }
    assert.ok(steps > 40, `${steps} steps`);
  });
});
