import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { disk } from '../../src/event-log/disk-store.ts';
import type { EventLogError } from '../../src/event-log/event-log-error.ts';
import { logOptions, OwnedLog, temporaryDirectory } from '../support/event-logs.ts';
import { type DiskStep, faultyDisk, systemErrorOf } from '../support/faulty-disk.ts';
import { fact } from '../support/schedule-builders.ts';

const joined = (n: number) =>
  fact(n, 'BroConnected', { peer: `zeek-${n}`, incarnation: 'a', transport: 'tcp', standing: 'new' });

describe('A disk that fails', () => {
  for (const [errno, code, reason] of [
    ['ENOSPC', 'disk-full', 'no space left on the device (ENOSPC); free some'],
    ['EDQUOT', 'disk-full', 'no space left on the device (EDQUOT); free some'],
    ['EFBIG', 'disk-full', 'no space left on the device (EFBIG); free some'],
    ['EROFS', 'read-only', 'permission denied (EROFS)'],
    ['EACCES', 'read-only', 'permission denied (EACCES)'],
    ['EIO', 'io', 'EIO: made up'],
  ] as const) {
    for (const step of ['write', 'half-write', 'sync'] satisfies DiskStep[]) {
      test(`with ${errno} at the ${step}: the append is refused as ${code}, leaves nothing, and the next one works`, async (t) => {
        const directory = await temporaryDirectory(t);
        const segment = join(directory, 'segment-0000000000000001.jsonl');
        let failing = false;
        const faulty = faultyDisk(disk, (at) => {
          if (at !== step || !failing) return;
          failing = false;
          throw systemErrorOf(errno);
        });
        const log = await OwnedLog.open(logOptions(directory, { disk: faulty }));
        await log.append([joined(1)]);
        const before = await readFile(segment);
        failing = true;
        const message = `could not append to the event log in ${directory}: ${reason}`;
        await assert.rejects(log.append([joined(2), joined(3)]), { name: 'EventLogError', code, message });
        assert.equal(log.trouble?.code, code);
        assert.deepEqual(await readFile(segment), before);
        assert.deepEqual([log.seq, Object.keys(log.state.bros)], [1, ['zeek-1']]);
        const [record] = await log.append([joined(4)]);
        assert.deepEqual([record?.seq, log.trouble], [2, null]);
        await log.close();
        const again = await OwnedLog.open(logOptions(directory));
        assert.deepEqual(again.state, log.state);
        assert.equal(again.report.torn, null);
        await again.close();
      });
    }
  }

  test('and does not even take back half a record: the next append does, before it writes', async (t) => {
    const directory = await temporaryDirectory(t);
    const failing = new Set<DiskStep>();
    const warnings: string[] = [];
    const faulty = faultyDisk(disk, (step) => {
      if (failing.has(step)) throw systemErrorOf('EIO');
    });
    const onWarning = (problem: EventLogError) => void warnings.push(problem.message);
    const log = await OwnedLog.open(logOptions(directory, { disk: faulty, onWarning }));
    await log.append([joined(1)]);
    failing.add('half-write').add('truncate');
    await assert.rejects(log.append([joined(2)]), { code: 'io' });
    assert.deepEqual(warnings, [
      'could not remove a partial record from segment-0000000000000001.jsonl; the next append will: EIO: made up',
    ]);
    await assert.rejects(log.append([joined(3)]), { code: 'io' });
    failing.clear();
    await log.append([joined(4)]);
    await log.close();
    const again = await OwnedLog.open(logOptions(directory));
    assert.deepEqual(Object.keys(again.state.bros), ['zeek-1', 'zeek-4']);
    await again.close();
  });

  test('is read-only at the start: what is there is served, and appends work as soon as it lets them', async (t) => {
    const directory = await temporaryDirectory(t);
    const first = await OwnedLog.open(logOptions(directory));
    await first.append([joined(1)]);
    await first.close();
    let readOnly = true;
    const faulty = faultyDisk(disk, () => {
      if (readOnly) throw systemErrorOf('EROFS');
    });
    const log = await OwnedLog.open(logOptions(directory, { disk: faulty }));
    assert.deepEqual(Object.keys(log.state.bros), ['zeek-1']);
    assert.equal(log.trouble?.code, 'read-only');
    await assert.rejects(log.append([joined(2)]), { code: 'read-only' });
    readOnly = false;
    await log.append([joined(3)]);
    assert.equal(log.trouble, null);
    await log.close();
  });

  test('is read-only at the start, and another process has written since: its facts are not overwritten', async (t) => {
    const directory = await temporaryDirectory(t);
    let readOnly = true;
    const faulty = faultyDisk(disk, () => {
      if (readOnly) throw systemErrorOf('EROFS');
    });
    const log = await OwnedLog.open(logOptions(directory, { disk: faulty }));
    const other = await OwnedLog.open(logOptions(directory));
    await other.append([joined(1)]);
    readOnly = false;
    await assert.rejects(log.append([joined(2)]), { code: 'locked' });
    await other.close();
    await assert.rejects(log.append([joined(2)]), {
      code: 'rewritten',
      message: `another process has written the event log in ${directory} up to record 1, this one knows it up to 0; restart`,
    });
    await log.close();
  });

  test('does not take a snapshot: a warning, and appends go on', async (t) => {
    const directory = await temporaryDirectory(t);
    const warnings: string[] = [];
    const faulty = faultyDisk(disk, (step) => {
      if (step === 'rename') throw systemErrorOf('ENOSPC');
    });
    const onWarning = (problem: EventLogError) => void warnings.push(problem.message);
    const log = await OwnedLog.open(logOptions(directory, { disk: faulty, onWarning, maxSegmentBytes: 300 }));
    for (let n = 1; n <= 4; n += 1) await log.append([joined(n)]);
    await log.close();
    assert.equal(warnings.length, 4);
    assert.equal(
      warnings[0],
      'could not write a snapshot of the event log: no space left on the device (ENOSPC); free some',
    );
    const again = await OwnedLog.open(logOptions(directory));
    assert.equal(again.seq, 4);
    await again.close();
  });
});

describe('Appends', () => {
  test('that wait for the disk share one sync, and resolve in order', async (t) => {
    const directory = await temporaryDirectory(t);
    let syncs = 0;
    const counting = faultyDisk(disk, (step, path) => {
      if (step === 'sync' && path.endsWith('.jsonl')) syncs += 1;
    });
    const log = await OwnedLog.open(logOptions(directory, { disk: counting }));
    syncs = 0;
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 100 }, async (_, n) => {
        const [record] = await log.log.append(n, [joined(n)]);
        order.push(record?.seq ?? 0);
      }),
    );
    assert.deepEqual(
      order,
      Array.from({ length: 100 }, (_, n) => n + 1),
    );
    assert.equal(syncs, 1);
    await log.close();
  });

  test('by interval resolve once written, and are synced a little later', async (t) => {
    const directory = await temporaryDirectory(t);
    const synced = Promise.withResolvers<void>();
    let isOpen = false;
    const counting = faultyDisk(disk, (step) => {
      if (step === 'sync' && isOpen) synced.resolve();
    });
    const log = await OwnedLog.open(
      logOptions(directory, { disk: counting, sync: { policy: 'interval', every: 5 } }),
    );
    isOpen = true;
    await log.append([joined(1)]);
    await synced.promise;
    await log.close();
  });

  test('of a fact that no log could take are refused alone', async (t) => {
    const log = await OwnedLog.open(logOptions(await temporaryDirectory(t)));
    const huge = fact(1, 'ExtensionStopped', { reason: 'x'.repeat(5_000_000) });
    const [good, bad, after] = await Promise.allSettled([
      log.log.append(0, [joined(1)]),
      log.log.append(1, [joined(2), huge]),
      log.log.append(1, [joined(3)]),
    ]);
    assert.equal(good?.status, 'fulfilled');
    assert.equal(bad?.status === 'rejected' && bad.reason.code, 'record-too-long');
    assert.equal(after?.status, 'fulfilled');
    assert.equal(log.seq, 2);
    await log.close();
    const again = await OwnedLog.open(logOptions(log.directory));
    assert.deepEqual(Object.keys(again.state.bros), ['zeek-1', 'zeek-3']);
    await again.close();
  });

  test('after the log was closed are refused; of nothing are nothing', async (t) => {
    const log = await OwnedLog.open(logOptions(await temporaryDirectory(t)));
    assert.deepEqual(await log.append([]), []);
    await log.close();
    await assert.rejects(log.append([joined(1)]), { code: 'closed' });
  });
});
