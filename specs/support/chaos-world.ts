import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { StatusReport } from '../../src/cli/extension/status-report.ts';
import { accountError } from '../../src/delivery/accounting.ts';
import { startBro, type TestBro } from './bro.ts';
import { batchLine } from './delivery-world.ts';
import { HostProcesses } from './host-processes.ts';
import { type NetworkProxy, startProxy } from './proxy.ts';
import type { SeededRandom } from './random.ts';
import { RowAudit } from './row-audit.ts';

/** Milliseconds that one round's log calls may take. */
const PATIENCE = 5_000;

/** Rows of these queries are made by the spec alone: by themselves they have none. */
const CALLED = [
  { bro: 0, sql: "SELECT 1 AS n, 'a' AS s WHERE 0" },
  { bro: 0, sql: "SELECT 1 AS n, 'b' AS s WHERE 0" },
  { bro: 1, sql: "SELECT 1 AS n, 'c' AS s WHERE 0" },
] as const;

interface Wish {
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
export class ChaosWorld {
  readonly audit = new RowAudit();
  readonly host: HostProcesses;
  readonly #t: TestContext;
  readonly #places: readonly Place[];
  readonly #wishes: readonly Wish[];
  readonly #files: string;
  #names: readonly string[] = [];
  /** Grows with each life of osqueryd or the extension: what one of them was in the middle of is uncertain. */
  #deaths = 0;
  lives = 1;
  foundByOsqueryd = 0;

  private constructor(t: TestContext, host: HostProcesses, places: readonly Place[]) {
    this.#t = t;
    this.host = host;
    this.#places = places;
    this.#files = join(host.directory, 'files');
    const found = `SELECT CAST(filename AS INTEGER) AS n FROM file WHERE directory = '${this.#files}' AND type = 'regular' ORDER BY n`;
    this.#wishes = [
      ...CALLED.map((one) => ({ ...one, interval: 3_600 })),
      { bro: 1, sql: found, interval: 1 },
    ];
  }

  static async create(t: TestContext): Promise<ChaosWorld> {
    const places: Place[] = [];
    for (const _ of [0, 1]) {
      const bro = await startBro(t);
      const proxy = await startProxy(bro.port);
      t.after(() => proxy.close());
      places.push({ bro, proxy, address: `127.0.0.1:${proxy.port}` });
    }
    const host = await HostProcesses.create({
      bro: { endpoints: places.map(({ address }) => address), uid: 'h1' },
    });
    t.after(() => host.close());
    return new ChaosWorld(t, host, places);
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
    for (const [index, { bro, sql, interval }] of this.#wishes.entries()) {
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
        for (const wish of this.#wishes) if (wish.bro === at) this.audit.link(wish.sql);
      }
      if (news.type === 'notice') assert.doesNotMatch(news.text, /lost/);
      if (news.type !== 'row' || !news.row.query) continue;
      const [n] = news.row.values;
      this.audit.arrived(news.row.query.sql, n && 'value' in n ? Number(n.value) : Number.NaN);
    }
  }

  async killExtension(): Promise<void> {
    this.#deaths += 1;
    this.lives += 1;
    await this.host.kill('extension');
  }

  async killOsqueryd(): Promise<void> {
    this.#deaths += 1;
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
    const answered = await this.host.handOver(line);
    if (answered) this.audit.answered(sql, numbers);
    return answered;
  }

  /**
   * Makes files for osqueryd to find. They count where osqueryd has logged them within one life of osqueryd, of the
   * extension, and of its registration: the log call, which comes before the line in osqueryd's own log, then had
   * somebody to answer it, and osqueryd waits for the answer.
   */
  async produceFiles(files: number): Promise<void> {
    const { sql } = this.#wishes.at(-1) ?? { sql: '' };
    const numbers = this.audit.produce(sql, files);
    const deaths = this.#deaths;
    const registration = await this.host.registration();
    for (const n of numbers) await writeFile(join(this.#files, String(n)), '');
    if (registration === undefined) return;
    const last = `{"n":"${numbers.at(-1)}"}`;
    for (let look = 0; look < 60 && this.#deaths === deaths; look += 1) {
      if (this.#resultsOfOsqueryd().includes(last)) {
        if ((await this.host.registration()) !== registration || this.#deaths !== deaths) return;
        this.audit.answered(sql, numbers);
        this.foundByOsqueryd += numbers.length;
        return;
      }
      await pause(50);
    }
  }

  #resultsOfOsqueryd(): string {
    const path = join(this.host.directory, 'osqueryd.results.log');
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  /** The accounts of the extension that runs, if one answers, add up, and nothing is given up. */
  async checkAccounts(): Promise<void> {
    const report = await this.host.report();
    if (report) assert.deepEqual(wrongAccounts(report), []);
  }

  /** Waits until everything that was answered for has arrived. */
  async settle(): Promise<void> {
    for (const { proxy } of this.#places) proxy.mode = 'forward';
    const report = await this.host.untilReported(
      'all rows are confirmed',
      ({ delivery, bros }) =>
        bros.every(({ state }) => state === 'linked.peered') &&
        delivery.length > 0 &&
        delivery.every(({ pending }) => pending === 0),
      120_000,
    );
    assert.deepEqual(wrongAccounts(report), []);
    for (const [at, { bro }] of this.#places.entries()) this.#collect(bro, at);
  }

  /** With nothing in its way, what the accounts count is what was sent and what came, to the row. */
  async checkLastWords(random: SeededRandom): Promise<void> {
    const before = await this.host.report();
    const heard = this.#places.map(({ bro }) => bro.rows().length);
    const rows = Array.from({ length: 5 }, () => random.between(1, 500));
    for (const [index, count] of rows.entries()) await this.#handOver(index % CALLED.length, count);
    const total = rows.reduce((sum, count) => sum + count, 0);
    const counts = ({ delivery }: StatusReport, key: 'taken' | 'sent' | 'resent' | 'confirmed') =>
      delivery.reduce((sum, account) => sum + account[key], 0);
    assert.ok(before);
    const after = await this.host.untilReported(
      'the last rows are confirmed',
      (report) => counts(report, 'confirmed') - counts(before, 'confirmed') >= total,
    );
    for (const key of ['taken', 'sent', 'confirmed'] as const) {
      assert.equal(counts(after, key) - counts(before, key), total, key);
    }
    assert.equal(counts(after, 'resent'), counts(before, 'resent'));
    const arrived = this.#places.map(({ bro }, at) => bro.rows().length - (heard[at] ?? 0));
    assert.equal(
      arrived.reduce((sum, count) => sum + count, 0),
      total,
    );
  }
}

/** What is wrong with the accounts, or given up, where nothing may be. */
function wrongAccounts({ delivery }: StatusReport): string[] {
  return delivery.flatMap((account) => {
    const { name, dropped, refused } = account;
    const wrong = accountError(account);
    if (wrong !== undefined) return [wrong];
    return dropped + refused > 0 ? [`${name}: ${dropped} dropped, ${refused} refused`] : [];
  });
}
