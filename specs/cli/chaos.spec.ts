import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createManagerClient } from '../../src/osquery/manager-client.ts';
import { startBro, type TestBro } from '../support/bro.ts';
import { batchLine } from '../support/delivery-world.ts';
import { SeededRandom } from '../support/random.ts';
import { RowAudit } from '../support/row-audit.ts';
import { socketAppears, spawnStandin } from '../support/standin-process.ts';

/**
 * Everything dies at random, and no row that was answered for is lost: a stand-in osqueryd, the extension and two
 * Bros are killed, stopped and cut off, while rows with numbers are handed to the extension's own socket the way
 * osqueryd does it. `make chaos` plays 200 rounds; CHAOS_SEED plays one run again.
 */
const SEED = Number(process.env['CHAOS_SEED'] ?? Date.now() % 2 ** 31);
const ROUNDS = Number(process.env['CHAOS_ROUNDS'] ?? 5);
const FAULTS = [
  'kill extension',
  'stop extension',
  'kill osqueryd',
  'kill bro',
  'restart bros',
  'calm',
] as const;
const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');

/** Rows of these queries are made by the spec alone: by themselves they have none. */
const QUERIES = [
  { bro: 0, sql: "SELECT 1 AS n, 'a' AS s WHERE 0" },
  { bro: 0, sql: "SELECT 1 AS n, 'b' AS s WHERE 0" },
  { bro: 1, sql: "SELECT 1 AS n, 'c' AS s WHERE 0" },
] as const;

class World {
  readonly audit = new RowAudit();
  readonly names = new Map<string, string>();
  readonly bros: TestBro[] = [];
  readonly #t: TestContext;
  readonly #directory: string;
  #osqueryd: ChildProcess | undefined;
  #extension: ChildProcess | undefined;
  #uuid: number | undefined;

  constructor(t: TestContext, directory: string) {
    this.#t = t;
    this.#directory = directory;
  }

  get socket(): string {
    return join(this.#directory, 'osquery.em');
  }

  async startOsqueryd(): Promise<void> {
    await rm(this.socket, { force: true });
    const flags = [
      `--database_path=${join(this.#directory, 'db')}`,
      `--extensions_socket=${this.socket}`,
      '--config_plugin=filesystem',
      `--config_path=${join(this.#directory, 'osquery.conf')}`,
      '--logger_plugin=bro,filesystem',
      `--logger_path=${this.#directory}`,
      '--extensions_interval=1',
      '--extensions_timeout=30',
      '--extensions_require=bro-osquery',
      '--logger_event_type=false',
    ];
    this.#osqueryd = spawnStandin(this.#t, flags).child;
    await socketAppears(this.socket);
  }

  startExtension(): void {
    const flags = ['--socket', this.socket, '--interval', '1', '--state-dir', join(this.#directory, 'state')];
    const child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...flags], {
      stdio: 'ignore',
      cwd: join(import.meta.dirname, '../..'),
    });
    this.#t.after(() => child.kill('SIGKILL'));
    this.#extension = child;
  }

  async startBro(at: number): Promise<TestBro> {
    const former = this.bros[at];
    const again = former && { port: former.port, endpointId: former.endpointId };
    const bro = await startBro(this.#t, again ?? {});
    this.bros[at] = bro;
    this.#hear(bro, at);
    return bro;
  }

  /** What a Bro hears goes to the audit, each announcement being a link of its own. */
  #hear(bro: TestBro, at: number): void {
    for (const { bro: owner, sql } of QUERIES) {
      if (owner === at)
        bro.subscribe(sql, {
          interval: 3_600,
          event: `chaos::row_${QUERIES.findIndex((one) => one.sql === sql)}`,
        });
    }
  }

  /** Takes over what a Bro has heard in its life. */
  collect(bro: TestBro): void {
    for (const news of bro.news) {
      if (news.type === 'announced') for (const { sql } of QUERIES) this.audit.link(sql);
      if (news.type !== 'row' || !news.row.query) continue;
      const [n] = news.row.values;
      this.audit.arrived(news.row.query.sql, n?.type === 'integer' ? Number(n.value) : Number.NaN);
    }
  }

  async kill(which: 'osqueryd' | 'extension'): Promise<void> {
    const child = which === 'osqueryd' ? this.#osqueryd : this.#extension;
    this.#uuid = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  async stopFor(milliseconds: number): Promise<void> {
    this.#extension?.kill('SIGSTOP');
    await pause(milliseconds);
    this.#extension?.kill('SIGCONT');
  }

  /** Hands rows over as osqueryd does; they count once the call has been answered OK. */
  async handOver(sql: string, rows: number): Promise<void> {
    const name = this.names.get(sql);
    if (name === undefined) return;
    const numbers = this.audit.produce(sql, rows);
    const line = batchLine(name, { added: numbers.map(String) }).toString();
    const uuid = await this.#extensionUuid();
    if (uuid === undefined) return;
    const extension = createManagerClient({ path: `${this.socket}.${uuid}`, queryDeadline: 3_000 });
    try {
      const { status } = await extension.call('logger', 'bro', { string: line, category: 'event' });
      if (status.code === 0) this.audit.answered(sql, numbers);
    } catch {
      this.#uuid = undefined;
    } finally {
      extension.close();
    }
  }

  async #extensionUuid(): Promise<number | undefined> {
    if (this.#uuid !== undefined) return this.#uuid;
    const manager = createManagerClient({ path: this.socket, deadline: 1_000 });
    try {
      this.#uuid = [...(await manager.extensions()).keys()].at(-1);
    } catch {
      return undefined;
    } finally {
      manager.close();
    }
    return this.#uuid;
  }

  /** Learns under which names osquery runs the queries. */
  async learnNames(): Promise<void> {
    const manager = createManagerClient({ path: this.socket });
    try {
      const end = Date.now() + 30_000;
      let found = new Map<string, string>();
      while (!QUERIES.every(({ sql }) => found.has(sql))) {
        if (Date.now() > end) throw new Error('osquery did not run all queries within 30 s');
        await pause(50);
        const rows = await manager.query('SELECT name, query FROM osquery_schedule').catch(() => []);
        found = new Map(rows.map((row) => [row['query'] ?? '', row['name'] ?? '']));
      }
      for (const { sql } of QUERIES) this.names.set(sql, found.get(sql) ?? '');
    } finally {
      manager.close();
    }
  }
}

test(`${ROUNDS} rounds of chaos lose no row that was answered for (CHAOS_SEED=${SEED})`, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'chaos-'));
  t.after(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
  const random = new SeededRandom(SEED);
  const world = new World(t, directory);
  for (const at of [0, 1]) await world.startBro(at);
  const bro = { endpoints: world.bros.map(({ address }) => address), uid: 'h1' };
  await writeFile(join(directory, 'osquery.conf'), JSON.stringify({ bro }));
  await world.startOsqueryd();
  world.startExtension();
  await world.learnNames();

  for (let round = 0; round < ROUNDS; round += 1) {
    const fault = random.pick(FAULTS);
    const handingOver = (async () => {
      for (let call = random.between(3, 20); call > 0; call -= 1) {
        await world.handOver(random.pick(QUERIES).sql, random.between(1, 300));
        if (random.next() < 0.3) await pause(random.between(0, 50));
      }
    })();
    await pause(random.between(0, 150));
    await strike(world, fault, random);
    await handingOver;
  }

  const settled = await Promise.all(world.bros.map((one) => untilQuiet(one, world)));
  assert.ok(settled.every(Boolean), 'rows were still missing when the time was up');
  for (const one of world.bros) world.collect(one);
  assert.deepEqual(world.audit.verdict(), { lost: [], invented: [], disordered: [] });
  assert.ok(world.audit.rows > 0);
  t.diagnostic(`${world.audit.rows} rows`);
});

async function strike(world: World, fault: (typeof FAULTS)[number], random: SeededRandom): Promise<void> {
  switch (fault) {
    case 'kill extension':
      await world.kill('extension');
      world.startExtension();
      return;
    case 'stop extension':
      return world.stopFor(random.between(50, 800));
    case 'kill osqueryd':
      await world.kill('osqueryd');
      return world.startOsqueryd();
    case 'kill bro':
    case 'restart bros':
      for (const at of fault === 'kill bro' ? [random.between(0, 1)] : [0, 1]) {
        const former = world.bros[at];
        if (!former) continue;
        await former.kill();
        world.collect(former);
        await pause(random.between(0, 300));
        await world.startBro(at);
      }
      return;
    case 'calm':
      return;
    default:
      fault satisfies never;
  }
}

/** Waits until everything that was answered for has arrived at the Bro; false where it has not in good time. */
async function untilQuiet(bro: TestBro, world: World): Promise<boolean> {
  const own = QUERIES.filter((query) => world.bros[query.bro] === bro);
  const heard = (sql: string) =>
    new Set(
      bro
        .rows()
        .flatMap(({ query, values: [n] }) =>
          query?.sql === sql && n?.type === 'integer' ? [Number(n.value)] : [],
        ),
    );
  const isQuiet = () =>
    own.every(({ sql }) => {
      const now = heard(sql);
      return world.audit.missing(sql).every((n) => now.has(n));
    });
  const end = Date.now() + 60_000;
  while (!isQuiet()) {
    if (Date.now() > end) return false;
    await pause(100);
  }
  return true;
}
