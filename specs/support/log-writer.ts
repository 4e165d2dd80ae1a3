import { writeSync } from 'node:fs';
import { disk } from '../../src/event-log/disk-store.ts';
import { openEventLog } from '../../src/event-log/event-log-store.ts';
import { faultyDisk } from './faulty-disk.ts';

/**
 * A process that writes a log until it is killed: node log-writer.ts DIRECTORY FIRST STEPS
 *
 * Decisions are numbered from FIRST on, of one to three facts each, several at a time under way; the number of
 * each decision that was acknowledged is printed. It kills itself with SIGKILL before the disk's step number
 * STEPS (0: never, somebody else does).
 */
const [directory = '', first = '1', steps = '0'] = process.argv.slice(2);

let left = Number(steps);
const mortal = faultyDisk(disk, () => {
  if (left === 0) return;
  left -= 1;
  if (left === 0) process.kill(process.pid, 'SIGKILL');
});

const log = await openEventLog({
  directory,
  sync: { policy: 'always' },
  maxSegmentBytes: 4000,
  retention: { age: 3_600_000, bytes: 40_000 },
  now: () => Date.now(),
  onWarning: (problem) => {
    throw problem;
  },
  disk: mortal,
});
writeSync(1, `opened ${log.seq}\n`);

let expected = log.seq;

async function decide(n: number): Promise<void> {
  const facts = Array.from({ length: 1 + (n % 3) }, (_, part) => ({
    type: 'ExtensionStopped' as const,
    at: n,
    cause: null,
    data: { reason: `${n}.${part}` },
  }));
  expected += facts.length;
  await log.append(expected - facts.length, facts);
  writeSync(1, `acknowledged ${n}\n`);
}

for (let n = Number(first); ; n += 3) await Promise.all([decide(n), decide(n + 1), decide(n + 2)]);
