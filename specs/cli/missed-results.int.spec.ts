import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { readTraceFile } from '../../src/cli/trace-file.ts';
import { TraceReader } from '../../src/replay/trace-reader.ts';
import { replayTrace } from '../../src/replay/trace-replay.ts';
import { startBro, type TestBro } from '../support/bro.ts';
import { eventually } from '../support/eventually.ts';
import { HostProcesses } from '../support/host-processes.ts';

/** Rows that osqueryd computes while the extension is dead reach their Zeek all the same: with real processes. */

interface Found {
  readonly host: HostProcesses;
  readonly bro: TestBro;
  readonly sql: string;
  /** Makes files with the next numbers, and waits until osqueryd has logged that it found them. */
  readonly make: (files: number) => Promise<void>;
  /** Numbers that came, in order; what came again, since a death was faster than its confirmation, counts once. */
  readonly came: () => number[];
  readonly untilCame: (last: number) => Promise<void>;
}

async function finder(
  t: TestContext,
  updateType: 'ADDED' | 'SNAPSHOT' = 'ADDED',
  extensionFlags: readonly string[] = [],
): Promise<Found> {
  const bro = await startBro(t);
  const host = await HostProcesses.create({ bro: { bro_endpoint: bro.address, uid: 'h1' }, extensionFlags });
  t.after(() => host.close());
  const directory = join(host.directory, 'files');
  await mkdir(directory);
  await host.startOsqueryd();
  host.startExtension();
  const sql = `SELECT CAST(filename AS INTEGER) AS n FROM file WHERE directory = '${directory}' AND type = 'regular' ORDER BY n`;
  bro.subscribe(sql, { interval: 1, updateType });
  await host.names([{ peer: bro.address, sql }]);
  const log = join(
    host.directory,
    updateType === 'SNAPSHOT' ? 'osqueryd.snapshots.log' : 'osqueryd.results.log',
  );
  const came = () => [
    ...new Set(bro.rows().map(({ values: [n] }) => (n && 'value' in n ? Number(n.value) : Number.NaN))),
  ];
  let next = 0;
  return {
    host,
    bro,
    sql,
    async make(files) {
      for (const end = next + files; next < end; next += 1)
        await writeFile(join(directory, String(next)), '');
      const last = `{"n":"${next - 1}"}`;
      await eventually(
        'osqueryd has logged them',
        () => existsSync(log) && readFileSync(log, 'latin1').includes(last),
      );
    },
    came,
    untilCame: (last) => bro.untilHolds(() => came().includes(last), `row ${last}`),
  };
}

const upTo = (end: number) => Array.from({ length: end }, (_, n) => n);

test('rows that osqueryd found while the extension was dead come after its return, in order', async (t) => {
  const { host, bro, make, came, untilCame } = await finder(t);
  await make(3);
  await untilCame(2);
  for (const [first, more] of [
    [3, 4],
    [8, 1],
  ] as const) {
    await host.kill('extension');
    await make(more);
    host.startExtension();
    await untilCame(first + more - 1);
    await make(1);
    await untilCame(first + more);
  }
  assert.deepEqual(came(), upTo(10));
  const report = await host.untilReported('they are confirmed', ({ delivery }) =>
    delivery.every(({ pending }) => pending === 0),
  );
  assert.equal(report.logger.recovered, 1);
  assert.deepEqual(toldOfMissing(bro), []);
});

test('an extension that ended in good order has missed nothing, and takes nothing again', async (t) => {
  const { host, bro, make, came, untilCame } = await finder(t);
  await make(3);
  await untilCame(2);
  host.signal('extension', 'SIGTERM');
  await eventually('it has ended', async () => (await host.report()) === undefined);
  host.startExtension();
  await host.untilReported('it is back', ({ bros: [one] }) => one?.state === 'linked.peered');
  await make(2);
  await untilCame(4);
  assert.deepEqual(came(), upTo(5));
  assert.equal(bro.rows().length, 5);
  assert.equal((await host.report())?.logger.recovered, 0);
});

/** What the Bro has been told of rows that may be missing, without the times. */
const toldOfMissing = (bro: TestBro) =>
  bro
    .of('notice')
    .flatMap(
      ({ text }) => /may be missing: .* results of osquery were not received(.*)/.exec(text)?.[1] ?? [],
    );

test('where the log has been removed meanwhile the Bro is notified that rows may be missing', async (t) => {
  const { host, bro, make, untilCame } = await finder(t);
  await make(3);
  await untilCame(2);
  await host.kill('extension');
  await make(1);
  const log = join(host.directory, 'osqueryd.results.log');
  await rename(log, `${log}-20261124`);
  host.startExtension();
  await bro.untilHolds(() => toldOfMissing(bro).length > 0, 'the word of rows that may be missing');
  assert.deepEqual(toldOfMissing(bro), [`, and older lines of ${log} have been removed`]);
});

test('snapshots that were missed come too', async (t) => {
  const { host, bro, make } = await finder(t, 'SNAPSHOT');
  await make(1);
  await bro.untilRows(1);
  await host.kill('extension');
  await make(1);
  host.startExtension();
  await host.untilReported('missed rows are taken', ({ logger }) => logger.recovered > 0);
  const before = bro.rows().length;
  await bro.untilRows(before + 2);
  assert.deepEqual(toldOfMissing(bro), []);
});

/** What the machine `backfill` went through, of the trace: its states of recovery, each change once. */
async function recoveries(path: string): Promise<string[]> {
  const states: string[] = [];
  for await (const { line } of new TraceReader(readTraceFile(path)).read()) {
    if (line.kind !== 'step' || line.machine !== 'backfill') continue;
    const { active } = line.state as { readonly active?: { readonly recovery: unknown } };
    const state = active ? JSON.stringify(active.recovery) : JSON.stringify(line.state);
    if (states.at(-1) !== state) states.push(state);
  }
  return states.map((state) => state.replaceAll('"', ''));
}

test('a trace of an extension that was killed, and one that stood still, replays to the same outages', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'outage-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const trace = join(directory, 'trace.jsonl');
  const { host, make, untilCame, came } = await finder(t, 'ADDED', ['--trace', trace]);
  await make(2);
  await untilCame(1);
  const isOver = () =>
    eventually('the outage is over', async () => (await recoveries(trace)).at(-1) === 'current');
  await isOver();
  await host.kill('extension');
  await make(2);
  host.startExtension();
  await untilCame(3);
  await isOver();
  // osqueryd gives a call up after ten seconds without an answer to its ping.
  host.signal('extension', 'SIGSTOP');
  const made = make(2);
  await pause(12_000);
  host.signal('extension', 'SIGCONT');
  await made;
  await untilCame(5);
  await eventually('it is noticed', async () => (await recoveries(trace)).includes('stalled'));
  await isOver();
  assert.deepEqual(came(), upTo(6));
  const taken = 'settling reading gated rereading releasing current';
  const begun = `{opening:idle} (?:{opening:due}|idle) ${taken}`;
  // osqueryd may have forgotten the extension that stood still, and may not.
  assert.match(
    (await recoveries(trace)).join(' '),
    new RegExp(`^${begun} ${begun} stalled reading gated .*rereading releasing current$`),
  );
  const { deviation, steps } = await replayTrace(readTraceFile(trace));
  assert.equal(deviation, null);
  assert.ok(steps > 50, `${steps} steps`);
});
