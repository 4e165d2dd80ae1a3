import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { statusCommand } from '../../src/cli/status.ts';
import { countsError } from '../../src/delivery/delivery-counts.ts';
import { startBro } from '../support/bro.ts';
import { surroundings } from '../support/cli-io.ts';
import { batchLine } from '../support/delivery-harness.ts';
import { eventually } from '../support/eventually.ts';
import { HostProcesses } from '../support/host-processes.ts';

const SQL = 'SELECT 1 AS n WHERE 0';

/** Runs `status` in this process. @returns exit code and what was printed */
async function status(...args: readonly string[]) {
  const { io, printed, complained } = surroundings();
  let code = 0;
  const command = statusCommand({ ...io, now: Date.now })
    .exitOverride((end) => {
      code = end.exitCode;
      throw end;
    })
    .configureOutput({ writeErr: (text) => io.err.write(text) });
  await command.parseAsync(args, { from: 'user' }).catch((error: unknown) => {
    if (code === 0) throw error;
  });
  return { code, printed: printed(), complained: complained() };
}

async function scrape(host: HostProcesses): Promise<Map<string, number>> {
  const [, port] = /serves metrics on http:\/\/127\.0\.0\.1:(\d+)/.exec(host.log) ?? [];
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=\d/);
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

async function temporary(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'status-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

test('a running extension reports its state at osquery, each Zeek and row counters, and so do its metrics', async (t) => {
  const bro = await startBro(t);
  const absent = '127.0.0.1:1';
  const host = await HostProcesses.create({
    bro: { endpoints: [bro.address, absent], uid: 'h1', groups: ['servers'] },
    extensionFlags: ['--metrics', '127.0.0.1:0'],
  });
  t.after(() => host.close());
  await host.startOsqueryd();
  host.startExtension();
  await bro.announced('h1');
  const subscription = bro.subscribe(SQL, { interval: 3_600 });
  const [name = ''] = await host.names([{ peer: bro.address, sql: SQL }]);
  assert.ok(await host.handOver(batchLine(name, { added: ['1', '2', '3'] })));
  assert.ok(await host.handOver(batchLine(name, { added: ['4', 'not a number'] })));
  await bro.untilRows(4, subscription);
  const report = await host.untilReported(
    'all is confirmed, and the absent Zeek was tried',
    ({ delivery, bros }) =>
      delivery.some(({ confirmed }) => confirmed >= 4) &&
      bros.some(({ peer, failures }) => peer === absent && failures > 0),
  );

  assert.deepEqual(
    report.delivery.map(({ name: _, ...counts }) => counts),
    [
      {
        ...{ peer: bro.address, taken: 5, refused: 0, sent: 4, resent: 0, confirmed: 4, dropped: 0 },
        ...{ skipped: { misfit: 1 }, pending: 0 },
      },
    ],
  );
  assert.deepEqual(
    report.delivery.flatMap((counts) => countsError(counts) ?? []),
    [],
  );
  assert.equal((await stat(join(host.stateDirectory, 'status.sock'))).mode & 0o777, 0o600);

  const { code, printed } = await status('--state-dir', host.stateDirectory);
  assert.equal(code, 0);
  assert.match(printed, /^bro-osquery \S+, process \d+ for host h1, up \d+ s\n/);
  assert.match(printed, /\nosquery {4}registered as \d+ for \d+ s \(registered\.\w+\)\n/);
  assert.match(printed, new RegExp(`\\nZeek ${bro.address}: peered for \\d+ s over tls-anonymous`));
  assert.match(printed, new RegExp(`\\nZeek ${absent}: (?:away for \\d+ s|never connected), `));
  assert.match(printed, /5 +5 +4 +0 +4 +0 +1 +0 .*\(skipped: 1 misfit\)\n/);
  assert.match(printed, /Each line adds up/);
  const { printed: json } = await status('--socket', join(host.stateDirectory, 'status.sock'), '--json');
  assert.deepEqual(JSON.parse(json).delivery, report.delivery);

  const metrics = await scrape(host);
  const of = (key: string) => metrics.get(`bro_osquery_${key}`);
  assert.equal(of(`rows_taken_total{zeek="${bro.address}"}`), 5);
  assert.equal(of(`rows_confirmed_total{zeek="${bro.address}"}`), 4);
  assert.equal(of(`rows_skipped_total{zeek="${bro.address}",reason="misfit"}`), 1);
  assert.equal(of(`rows_pending{zeek="${bro.address}"}`), 0);
  assert.equal(of('zeeks{state="linked.peered"}'), 1);
  assert.equal(of('logger_calls_total'), 2);
  assert.equal(of('logger_call_duration_seconds_bucket{le="+Inf"}'), 2);
  assert.equal(of('row_counters_wrong'), 0);
  assert.ok((of('journal_bytes') ?? 0) > 0);
  assert.ok((of('nodejs_eventloop_lag_max_seconds') ?? 0) > 0);
  assert.equal(of(`delivery_lag_seconds{zeek="${bro.address}"}`), 0);
  assert.ok(!printed.includes('has waited'));

  await bro.kill();
  assert.ok(await host.handOver(batchLine(name, { added: ['5'] })));
  await host.untilReported('a row waits for the Zeek', ({ bros, at }) =>
    bros.some(({ peer, oldestAt }) => peer === bro.address && oldestAt !== null && oldestAt < at),
  );
  assert.match((await status('--state-dir', host.stateDirectory)).printed, /, oldest row waiting for \d+ s/);
  const lag = (await scrape(host)).get(`bro_osquery_delivery_lag_seconds{zeek="${bro.address}"}`) ?? 0;
  assert.ok(lag > 0 && lag < 3_600, `${lag} s`);

  await eventually('the cursors are on disk', () =>
    existsSync(join(host.stateDirectory, 'delivery/cursors.json')),
  );
  await host.kill('extension');
  const after = await status('--state-dir', host.stateDirectory);
  assert.equal(after.code, 3);
  assert.match(after.complained, /no extension is running with .*ECONNREFUSED/);
  assert.match(
    after.printed,
    new RegExp(
      `Zeek ${bro.address}: 1 subscription.*has confirmed all rows below \\d+, \\d rows? waits? for it`,
    ),
  );
  assert.match(after.printed, /event log {2}record \d+/);
  host.startExtension();
  await host.untilReported('it reports again where it was killed', ({ bros }) => bros.length === 2);
});

test('with --watch it is repeated, also while no extension runs, until Ctrl-C', async (t) => {
  const directory = await temporary(t);
  const enough = new AbortController();
  const { io, printed } = surroundings({ interrupted: enough.signal });
  const server = createServer((socket) => socket.end('{"version":2}'));
  const watching = statusCommand(io).parseAsync(['--state-dir', directory, '--watch', '0.01'], {
    from: 'user',
  });
  await eventually('it says that nobody is there', () => printed().split('ENOENT').length > 3);
  server.listen(join(directory, 'status.sock'));
  t.after(() => server.close());
  await eventually('it asks who is there now', () => printed().includes('version'));
  enough.abort();
  await watching;
});

test('where no extension ever ran it says so, and exits with 3', async (t) => {
  const directory = await temporary(t);
  const { code, printed, complained } = await status('--state-dir', join(directory, 'none'));
  assert.equal(code, 3);
  assert.match(complained, /ENOENT/);
  assert.match(printed, /there is no event log|no such/i);
  const json = await status('--state-dir', join(directory, 'none'), '--json');
  assert.equal(json.code, 3);
  assert.equal(JSON.parse(json.printed).running, false);
});

test('what is no report is refused', async (t) => {
  const directory = await temporary(t);
  const path = join(directory, 'status.sock');
  let words = 'hello';
  const server = createServer((socket) => socket.end(words)).listen(path);
  t.after(() => server.close());
  const one = await status('--socket', path);
  assert.deepEqual([one.code, one.printed], [1, '']);
  assert.match(one.complained, /invalid status report/);
  words = '{"version":2}';
  const other = await status('--socket', path);
  assert.equal(other.code, 1);
  assert.match(other.complained, /another version.*version/);
});

test('an invalid address for metrics is refused, as an option and in the environment that osqueryd passes on', () => {
  const main = join(import.meta.dirname, '../../src/cli/main.ts');
  const start = (env: NodeJS.ProcessEnv, ...options: readonly string[]) =>
    spawnSync(process.execPath, ['--import', 'tsx', main, '--socket', '/none', ...options], {
      encoding: 'utf8',
      cwd: join(import.meta.dirname, '../..'),
      env: { ...process.env, ...env },
    });
  const option = start({}, '--metrics', 'host:name');
  assert.equal(option.status, 1);
  assert.match(option.stderr, /'host:name'.* An address is host:port, or a port on loopback/);
  const inherited = start({ BRO_OSQUERY_METRICS: 'host:name' });
  assert.equal(inherited.status, 1);
  assert.match(inherited.stderr, /BRO_OSQUERY_METRICS.* An address is host:port, or a port on loopback/);
});
