import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { countsError } from '../../src/delivery/delivery-counts.ts';
import { startBro, type TestBro } from '../support/bro.ts';
import { batchLine } from '../support/delivery-harness.ts';
import { HostProcesses } from '../support/host-processes.ts';

/** Disks that are full for a while, the journal at its bound, a Bro that never comes back: with real processes. */

const A = "SELECT 1 AS n, 'a' AS text WHERE 0";
const B = "SELECT 1 AS n, 'b' AS text WHERE 0";

/** Numbers of the rows that came, each once. */
function heard(bro: TestBro, sql: string): Set<number> {
  return new Set(
    bro
      .rows()
      .filter(({ query }) => query?.sql === sql)
      .map(({ values: [n] }) => (n && 'value' in n ? Number(n.value) : Number.NaN)),
  );
}

/** Rows that the Bro was told are lost. */
function declared(bro: TestBro): number {
  const texts = bro.of('notice').map(({ text }) => text);
  return texts.reduce((sum, text) => sum + Number(/(\d+) rows were lost/.exec(text)?.[1] ?? 0), 0);
}

class Numbers {
  #next = 0;
  readonly handedOver = new Set<number>();

  /** A line with rows of about the given size, all numbered. */
  line(name: string, rows: number, bytes: number): Buffer {
    const added = Array.from({ length: rows }, () => {
      this.handedOver.add(this.#next);
      this.#next += 1;
      return String(this.#next - 1);
    });
    const text = batchLine(name, { added }).toString();
    return Buffer.from(text.replaceAll(/"n":"(\d+)"/g, `"n":"$1","text":"${'x'.repeat(bytes)}"`));
  }
}

async function setUp(t: TestContext, bro: object, stateDirectory?: string): Promise<HostProcesses> {
  const host = await HostProcesses.create({ bro, ...(stateDirectory !== undefined && { stateDirectory }) });
  t.after(() => host.close());
  await host.startOsqueryd();
  host.startExtension();
  return host;
}

interface Disk {
  readonly fill: () => Promise<void> | void;
  readonly empty: () => Promise<void> | void;
}

/** While the disk is full osquery is answered OK, what can't be kept is declared, and all is well afterwards. */
async function survive(t: TestContext, bro: TestBro, host: HostProcesses, disk: Disk): Promise<void> {
  bro.subscribe(A, { interval: 3_600, updateType: 'ADDED' });
  const [name = ''] = await host.names([{ peer: bro.address, sql: A }]);
  const numbers = new Numbers();
  const handOver = async (calls: number) => {
    for (let call = 0; call < calls; call += 1) {
      assert.ok(await host.handOver(numbers.line(name, 10, 100)), 'a log call must be answered OK');
    }
  };
  await handOver(20);
  await disk.fill();
  await handOver(60);
  const full = await host.untilReported('rows are refused', ({ logger }) => logger.lost > 0);
  assert.notEqual(full.logger.refusal, '');
  await disk.empty();
  await handOver(20);
  const report = await host.untilReported(
    'all else is confirmed',
    // A call is answered before its rows are counted.
    ({ delivery, logger }) =>
      delivery.every(({ pending, taken }) => pending === 0 && taken === numbers.handedOver.size) &&
      logger.refusal === '',
  );
  await bro.untilHolds(() => declared(bro) > 0, 'the Zeek is told what it will not get');
  const [counts] = report.delivery;
  assert.ok(counts);
  assert.equal(countsError(counts), undefined);
  assert.equal(counts.taken, numbers.handedOver.size);
  assert.equal(counts.confirmed + counts.refused, counts.taken);
  const missing = [...numbers.handedOver].filter((n) => !heard(bro, A).has(n));
  assert.equal(missing.length, counts.refused);
  assert.equal(declared(bro), counts.refused);
  // The rows of before and after are all there.
  assert.ok(missing.every((n) => n >= 200 && n < 800));
  t.diagnostic(`${counts.refused} of ${counts.taken} rows were refused by the disk, and declared`);
}

test('a disk that takes no more for a while ends nothing: osquery is answered, what is lost is declared', async (t) => {
  const small = await mkdtemp(join(tmpdir(), 'small-disk-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=400k', 'none', small]);
  t.after(async () => {
    if (mounted.status === 0) spawnSync('umount', ['-l', small]);
    await rm(small, { recursive: true, force: true });
  });
  if (mounted.status !== 0) return t.skip('a small disk can be mounted by root alone');
  const bro = await startBro(t);
  const host = await setUp(t, { bro_endpoint: bro.address, uid: 'h1' }, join(small, 'state'));
  await bro.announced('h1');
  const filler = join(small, 'filler');
  await survive(t, bro, host, {
    // ENOSPC in the middle: what fits is written all the same.
    fill: () => writeFile(filler, Buffer.alloc(1024 * 1024)).catch(() => {}),
    empty: () => rm(filler),
  });
});

test('a limit on the size of files ends nothing either', async (t) => {
  if (spawnSync('prlimit', ['--version']).status !== 0) return t.skip('needs prlimit of util-linux');
  const bro = await startBro(t);
  const host = await setUp(t, { bro_endpoint: bro.address, uid: 'h1' });
  await bro.announced('h1');
  const limit = (bytes: string) => {
    const args = ['--pid', String(host.extensionPid), `--fsize=${bytes}:unlimited`];
    assert.equal(spawnSync('prlimit', args).status, 0);
  };
  await survive(t, bro, host, { fill: () => limit('1'), empty: () => limit('unlimited') });
});

test('at its bound the journal gives up the oldest rows of the Zeek that is away, notifies it on its return, and drops no row of the other', async (t) => {
  const [here, away] = [await startBro(t), await startBro(t)];
  const endpoints = [here.address, away.address];
  const host = await setUp(t, { endpoints, uid: 'h1', limits: { journal_bytes: 1_048_576 } });
  for (const one of [here, away]) await one.announced('h1');
  here.subscribe(A, { interval: 3_600, updateType: 'ADDED' });
  away.subscribe(B, { interval: 3_600, updateType: 'ADDED', event: 'spec::b' });
  const [a = '', b = ''] = await host.names([
    { peer: here.address, sql: A },
    { peer: away.address, sql: B },
  ]);
  const [ofA, ofB] = [new Numbers(), new Numbers()];
  assert.ok(await host.handOver(ofB.line(b, 5, 100)));
  await away.untilRows(5);
  const before = heard(away, B);
  await host.untilReported('the first rows are confirmed', ({ delivery }) =>
    delivery.some(({ peer, confirmed }) => peer === away.address && confirmed === 5),
  );
  await away.kill();
  await host.untilReported('its absence is seen', ({ bros }) =>
    bros.some(({ peer, state }) => peer === away.address && state !== 'linked.peered'),
  );

  // Three times the bound, in turn for both.
  for (let call = 0; call < 100; call += 1) {
    assert.ok(await host.handOver(ofA.line(a, 30, 500)), 'a log call must be answered OK');
    assert.ok(await host.handOver(ofB.line(b, 30, 500)), 'a log call must be answered OK');
    if (call % 10 === 9) await pause(20);
  }
  const full = await host.untilReported('the other has everything', ({ delivery }) =>
    delivery.some(({ peer, confirmed }) => peer === here.address && confirmed >= ofA.handedOver.size),
  );
  assert.ok(full.journal.bytes <= 1_048_576);
  const counts = (peer: string) => full.delivery.find((one) => one.peer === peer);
  assert.equal(counts(here.address)?.confirmed, ofA.handedOver.size);
  assert.equal(counts(here.address)?.dropped, 0);
  assert.deepEqual(heard(here, A), ofA.handedOver);
  const dropped = counts(away.address)?.dropped ?? 0;
  assert.ok(dropped > 0);
  for (const one of full.delivery) assert.equal(countsError(one), undefined);

  // It must survive that we die before it is back.
  await host.kill('extension');
  host.startExtension();
  const back = await startBro(t, { port: away.port, endpointId: away.endpointId });
  back.subscribe(B, { interval: 3_600, updateType: 'ADDED', event: 'spec::b' });
  await back.untilHolds(() => declared(back) > 0, 'it is told what it will never get');
  // More may have to go while rows come: each row is one or the other, so only the sum is known beforehand.
  const due = ofB.handedOver.size - before.size;
  await back.untilHolds(() => heard(back, B).size + declared(back) >= due, 'every row comes or is declared');
  const missing = [...ofB.handedOver].filter((n) => !heard(back, B).has(n) && !before.has(n));
  assert.equal(missing.length, declared(back));
  assert.ok(declared(back) >= dropped);
  // The oldest went, the newest came.
  assert.ok(missing.includes(Math.max(...before) + 1));
  assert.ok(heard(back, B).has(Math.max(...ofB.handedOver)));
  t.diagnostic(`${declared(back)} of ${ofB.handedOver.size} rows were dropped and declared`);
});

test('a Zeek that never comes back costs the other nothing', async (t) => {
  const here = await startBro(t);
  const gone = await startBro(t);
  const host = await setUp(t, {
    endpoints: [here.address, gone.address],
    uid: 'h1',
    limits: { journal_bytes: 1_048_576 },
  });
  for (const one of [here, gone]) await one.announced('h1');
  here.subscribe(A, { interval: 3_600, updateType: 'ADDED' });
  gone.subscribe(B, { interval: 3_600, updateType: 'ADDED' });
  const [a = '', b = ''] = await host.names([
    { peer: here.address, sql: A },
    { peer: gone.address, sql: B },
  ]);
  await gone.kill();
  const [ofA, ofB] = [new Numbers(), new Numbers()];
  for (let call = 0; call < 120; call += 1) {
    const line = call % 2 === 0 ? ofA.line(a, 30, 500) : ofB.line(b, 30, 500);
    if (call === 60) {
      await host.kill('extension');
      host.startExtension();
      await host.untilReported('it is back', ({ bros }) =>
        bros.some(({ state }) => state === 'linked.peered'),
      );
      here.subscribe(A, { interval: 3_600, updateType: 'ADDED' });
    }
    assert.ok(await answered(host, line));
  }
  await here.untilHolds(() => heard(here, A).size === ofA.handedOver.size, 'all rows come');
  assert.deepEqual(heard(here, A), ofA.handedOver);
  assert.equal(declared(here), 0);
  const report = await host.untilReported('all is counted', ({ delivery }) =>
    delivery.some(({ peer, pending }) => peer === here.address && pending === 0),
  );
  for (const one of report.delivery) assert.equal(countsError(one), undefined);
  assert.ok(report.delivery.some(({ peer, pending }) => peer === gone.address && pending > 0));
});

/** Tries until somebody answers: the extension may be on its way. */
async function answered(host: HostProcesses, line: Buffer): Promise<boolean> {
  for (let tries = 0; tries < 400; tries += 1) {
    if (await host.handOver(line)) return true;
    await pause(50);
  }
  return false;
}
