/**
 * A process of its own that takes one snapshot of many rows through journal and courier into a Bro that keeps
 * nothing, and prints as JSON what that cost. Arguments: directory, rows.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Courier } from '../../src/delivery/courier.ts';
import { CursorStore } from '../../src/delivery/cursor-store.ts';
import { JournalStore } from '../../src/delivery/journal-store.ts';
import { rowEvent } from '../../src/vocabulary/row-events.ts';
import { subscription } from './delivery-harness.ts';

const [directory = '', count = '1000'] = process.argv.slice(2);
const rows = Number(count);
const deliverable = subscription('a', 's1', { updateType: 'SNAPSHOT' });

function snapshot(): Buffer {
  const pieces: Buffer[] = [Buffer.from('{"snapshot":[')];
  for (let n = 0; n < rows; n += 1) {
    const row = JSON.stringify({
      n: String(n),
      path: `/usr/bin/program-${n}`,
      cmdline: `program --with --arguments ${n}`,
    });
    pieces.push(Buffer.from(n > 0 ? `,${row}` : row));
  }
  pieces.push(
    Buffer.from(
      '],"action":"snapshot","name":"s1","unixTime":1700000000,"epoch":0,"counter":0,"numerics":false}',
    ),
  );
  return Buffer.concat(pieces);
}

let payload: Buffer | undefined = snapshot();
const bytes = payload.length;
globalThis.gc?.();

let received = 0;
let wrong = 0;
const cursors = await CursorStore.open({ directory });
const journal = await JournalStore.open({ directory, now: Date.now });
const courier = new Courier({
  journal,
  cursors,
  ports: {
    lookup: () => deliverable,
    encoderOf: () => (row) => ({
      topic: '/rows',
      event: rowEvent('ev', [{ type: 'string', value: row.columns['n'] ?? '' }], row),
    }),
    rowsPerResult: () => Number.POSITIVE_INFINITY,
    marker: () => undefined,
    beginning: () => undefined,
    notifyGap: async () => true,
    report: (report) => process.stderr.write(`${JSON.stringify(report)}\n`),
    now: Date.now,
    after(milliseconds, callback) {
      const timer = setTimeout(callback, milliseconds);
      return () => clearTimeout(timer);
    },
    yieldControl: () => new Promise((resolve) => setImmediate(resolve)),
  },
});
courier.start();
let peakBuffers = 0;
let peakHeap = 0;
courier.attach('a', {
  send: async (_topic, events) => {
    for (const { args } of events) {
      if (args[0]?.type !== 'string' || args[0].value !== String(received)) wrong += 1;
      received += 1;
    }
    const { arrayBuffers, heapUsed } = process.memoryUsage();
    peakBuffers = Math.max(peakBuffers, arrayBuffers);
    peakHeap = Math.max(peakHeap, heapUsed);
  },
  confirm: async () => {},
});
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const start = performance.now();
const taking = courier.take({ kind: 'log', header: null, payload });
payload = undefined;
await taking;
const taken = performance.now();
await courier.settled();
const end = performance.now();
delay.disable();
await courier.stop();
await journal.close();
process.stdout.write(
  `${JSON.stringify({
    bytes,
    received,
    wrong,
    takeMs: Math.round(taken - start),
    totalMs: Math.round(end - start),
    peakBuffers,
    peakHeap,
    longestTurnMs: Math.round(delay.max / 1e6),
    p99TurnMs: Math.round(delay.percentile(99) / 1e6),
  })}\n`,
);
