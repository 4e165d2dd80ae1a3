import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { StatusReport } from '../../src/cli/extension/observation/status-report.ts';
import { countsError } from '../../src/delivery/delivery-counts.ts';
import { startBro, type TestBro } from './bro.ts';
import { batchLine } from './delivery-harness.ts';
import { eventually } from './eventually.ts';
import { HostProcesses } from './host-processes.ts';
import { type NetworkProxy, startProxy } from './proxy.ts';
import type { SeededRandom } from './random.ts';
import { RowAudit } from './row-audit.ts';

/** Milliseconds that one round's log calls may take. */
const PATIENCE = 5_000;

/**
 * A query of osqueryd's own that has something to tell each second. Before it is answered, the extension takes from
 * osqueryd's log what it has missed. That what osqueryd found is all there then holds of osqueryd's own calls, which
 * come one after the other; a call that the spec makes might overtake the writing of a line that nobody was there to
 * hear. So the spec's calls begin after the first one of osqueryd.
 */
const TICK = { tick: { query: 'SELECT unix_time AS t FROM time', interval: 1 } };

/** Rows of these queries are made by the spec alone: by themselves they have none. */
const CALLED = [
  { bro: 0, sql: "SELECT 1 AS n WHERE 'a' = ''" },
  { bro: 0, sql: "SELECT 1 AS n WHERE 'b' = ''" },
  { bro: 1, sql: "SELECT 1 AS n WHERE 'c' = ''" },
] as const;

interface ChaosQuery {
  readonly bro: number;
  readonly sql: string;
  readonly interval: number;
}

interface Place {
  readonly proxy: NetworkProxy;
  readonly address: string;
  bro: TestBro;
}

/**
 * A host, two Bros, each behind a network of its own, and rows with numbers: of log calls that the spec makes, and
 * of files that osqueryd finds.
 */
export class ChaosHarness {
  readonly audit = new RowAudit();
  readonly host: HostProcesses;
  readonly #t: TestContext;
  readonly #places: readonly Place[];
  readonly #queries: readonly ChaosQuery[];
  readonly #files: string;
  #names: readonly string[] = [];
  readonly #recovered = new Map<number, number>();
  /** The registration in which osqueryd has made its first call. */
  #calledBy: number | undefined;
  lives = 1;
  foundByOsqueryd = 0;

  private constructor(t: TestContext, host: HostProcesses, places: readonly Place[]) {
    this.#t = t;
    this.host = host;
    this.#places = places;
    this.#files = join(host.directory, 'files');
    const found = `SELECT CAST(filename AS INTEGER) AS n FROM file WHERE directory = '${this.#files}' AND type = 'regular' ORDER BY n`;
    this.#queries = [
      ...CALLED.map((one) => ({ ...one, interval: 3_600 })),
      { bro: 1, sql: found, interval: 1 },
    ];
  }

  static async create(t: TestContext): Promise<ChaosHarness> {
    const places: Place[] = [];
    for (const _ of [0, 1]) {
      const bro = await startBro(t);
      const proxy = await startProxy(bro.port);
      t.after(() => proxy.close());
      places.push({ bro, proxy, address: `127.0.0.1:${proxy.port}` });
    }
    const host = await HostProcesses.create({
      bro: { endpoints: places.map(({ address }) => address), uid: 'h1' },
      schedule: TICK,
    });
    t.after(() => host.close());
    return new ChaosHarness(t, host, places);
  }

  proxyOf(at: number): NetworkProxy {
    return this.#place(at).proxy;
  }

  #place(at: number): Place {
    const place = this.#places[at];
    if (!place) throw new Error(`there is no Bro ${at}`);
    return place;
  }

  async start(): Promise<void> {
    await mkdir(this.#files);
    await this.host.startOsqueryd();
    this.host.startExtension();
    for (const at of this.#places.keys()) this.#subscribe(at);
    this.#names = await this.host.names(
      CALLED.map(({ bro, sql }) => ({ peer: this.#place(bro).address, sql })),
    );
  }

  #subscribe(at: number): void {
    for (const [index, { bro, sql, interval }] of this.#queries.entries()) {
      if (bro === at)
        this.#place(at).bro.subscribe(sql, { interval, event: `chaos::row_${index}`, updateType: 'ADDED' });
    }
  }

  async restartBro(at: number, awayFor: number): Promise<void> {
    const place = this.#place(at);
    const { port, endpointId } = place.bro;
    await place.bro.kill();
    this.#collect(place.bro, at);
    await pause(awayFor);
    place.bro = await startBro(this.#t, { port, endpointId });
    this.#subscribe(at);
  }

  /** Takes over what a Bro has heard in its life. Each announcement is a link of its own. */
  #collect(bro: TestBro, at: number): void {
    for (const news of bro.news) {
      if (news.type === 'announced') {
        for (const query of this.#queries) if (query.bro === at) this.audit.link(query.sql);
      }
      if (news.type === 'notice') assert.doesNotMatch(news.text, /lost/);
      if (news.type !== 'row' || !news.row.query) continue;
      const [n] = news.row.values;
      this.audit.arrived(news.row.query.sql, n && 'value' in n ? Number(n.value) : Number.NaN);
    }
  }

  async killExtension(): Promise<void> {
    this.lives += 1;
    await this.host.kill('extension');
  }

  async killOsqueryd(): Promise<void> {
    await this.host.kill('osqueryd');
  }

  /** Makes so many log calls; where nobody answers the next one waits a little, and the last ones are let be. */
  async produceCalls(calls: number, own: SeededRandom): Promise<void> {
    const end = Date.now() + PATIENCE;
    for (let left = calls; left > 0 && Date.now() < end; ) {
      const answered = await this.#handOver(own.between(0, CALLED.length - 1), own.between(1, 300));
      if (answered) left -= 1;
      if (!answered) await pause(20);
      else if (own.next() < 0.5) await pause(own.between(0, 50));
    }
  }

  /** Hands rows over as osqueryd does; they count once the call has been answered OK. */
  async #handOver(index: number, rows: number): Promise<boolean> {
    const sql = CALLED[index]?.sql ?? '';
    const numbers = this.audit.produce(sql, rows);
    const line = batchLine(this.#names[index] ?? '', { added: numbers.map(String) });
    const uuid = this.#calledBy ?? (await this.#firstCall());
    const answered = uuid !== undefined && (await this.host.handOver(line, uuid));
    if (answered) this.audit.answered(sql, numbers);
    else this.#calledBy = undefined;
    return answered;
  }

  /** The registration that is in effect, once osqueryd has called in it, if that is soon. */
  async #firstCall(): Promise<number | undefined> {
    const before = await this.host.registration();
    if (!before) return undefined;
    for (let look = 0; look < 40; look += 1) {
      const now = await this.host.registration();
      if (now?.uuid !== before.uuid) return undefined;
      if (now.calls > before.calls) {
        this.#calledBy = now.uuid;
        return now.uuid;
      }
      await pause(50);
    }
    return undefined;
  }

  /** Makes files for osqueryd to find, and gives it a while to log them, whoever lives meanwhile. */
  async produceFiles(files: number): Promise<void> {
    const numbers = this.audit.produce(this.#found, files);
    for (const n of numbers) await writeFile(join(this.#files, String(n)), '');
    for (let look = 0; look < 40 && !this.#loggedByOsqueryd().includes(numbers.at(-1) ?? 0); look += 1) {
      await pause(50);
    }
  }

  /** The query whose rows osqueryd finds. */
  get #found(): string {
    return this.#queries.at(-1)?.sql ?? '';
  }

  /** The numbers that osqueryd has found and logged, in its log's order. */
  #loggedByOsqueryd(): number[] {
    const path = join(this.host.directory, 'osqueryd.results.log');
    if (!existsSync(path)) return [];
    // A line that is still being written, or that a death has cut off, says nothing yet.
    const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
    return lines.flatMap((line) => addedNumbers(line));
  }

  /** The counts of the extension that runs, if one answers, add up, and nothing is given up. */
  async checkAccounts(): Promise<void> {
    const report = await this.host.report();
    if (!report) return;
    assert.deepEqual(wrongAccounts(report), []);
    this.#recovered.set(report.pid, report.logger.recovered);
  }

  /** Rows that lives of the extension have taken from osqueryd's log, as far as they could tell before their end. */
  get recovered(): number {
    return [...this.#recovered.values()].reduce((sum, rows) => sum + rows, 0);
  }

  /**
   * Waits until everything that was answered for has arrived, and everything that osqueryd has logged: of that it
   * handed over each line before it wrote it, or somebody who came later has found it written.
   */
  async settle(): Promise<void> {
    for (const { proxy } of this.#places) proxy.mode = 'forward';
    const logged = this.#loggedByOsqueryd();
    await eventually('osqueryd calls', async () => (await this.#firstCall()) !== undefined, 60_000);
    this.audit.answered(this.#found, logged);
    this.foundByOsqueryd = logged.length;
    const report = await this.host.untilReported(
      'all rows are confirmed',
      ({ delivery, bros }) =>
        bros.every(({ state }) => state === 'linked.peered') &&
        delivery.length > 0 &&
        delivery.every(({ pending }) => pending === 0),
      120_000,
    );
    await this.checkAccounts();
    assert.deepEqual(wrongAccounts(report), []);
    for (const [at, { bro }] of this.#places.entries()) this.#collect(bro, at);
  }

  /** With nothing in its way, what the counts count is what was sent and what came, to the row. */
  async checkLastWords(random: SeededRandom): Promise<void> {
    const before = await this.host.report();
    const heard = this.#heardOfCalls();
    const rows = Array.from({ length: 5 }, () => random.between(1, 500));
    for (const [index, count] of rows.entries()) {
      assert.ok(
        await this.#handOver(index % CALLED.length, count),
        'a call with nothing in its way is answered OK',
      );
    }
    const total = rows.reduce((sum, count) => sum + count, 0);
    // Files that osqueryd finds so late are none of these.
    const counts = ({ delivery }: StatusReport, key: 'taken' | 'sent' | 'resent' | 'confirmed') =>
      delivery.filter(({ name }) => this.#names.includes(name)).reduce((sum, counts) => sum + counts[key], 0);
    assert.ok(before);
    const after = await this.host.untilReported(
      'the last rows are confirmed',
      (report) => counts(report, 'confirmed') - counts(before, 'confirmed') >= total,
    );
    for (const key of ['taken', 'sent', 'confirmed'] as const) {
      assert.equal(counts(after, key) - counts(before, key), total, key);
    }
    assert.equal(counts(after, 'resent'), counts(before, 'resent'));
    assert.equal(this.#heardOfCalls() - heard, total);
  }

  /** Rows of the spec's calls that the Bros have heard in their present lives. */
  #heardOfCalls(): number {
    const called = new Set<string>(CALLED.map(({ sql }) => sql));
    return this.#places.flatMap(({ bro }) => bro.rows().filter(({ query }) => query && called.has(query.sql)))
      .length;
  }
}

/** The numbers of a line of osqueryd's result log that has some: those of files that it has found. */
function addedNumbers(line: string): number[] {
  const { diffResults } = JSON.parse(line) as { readonly diffResults?: { readonly added?: unknown } };
  if (!Array.isArray(diffResults?.added)) return [];
  return diffResults.added.flatMap((row: { readonly n?: string }) =>
    row.n === undefined ? [] : [Number(row.n)],
  );
}

/** What is wrong with the counts, or given up, where nothing may be. */
function wrongAccounts({ delivery }: StatusReport): string[] {
  return delivery.flatMap((counts) => {
    const { name, dropped, refused } = counts;
    const wrong = countsError(counts);
    if (wrong !== undefined) return [wrong];
    return dropped + refused > 0 ? [`${name}: ${dropped} dropped, ${refused} refused`] : [];
  });
}
