import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseEndpointAddress } from '../../src/broker/address.ts';
import { hostCommand, hostsCommand, queriesCommand } from '../../src/cli/hosts.ts';
import { queryCommand } from '../../src/cli/query.ts';
import { topCommand } from '../../src/cli/top.ts';
import { ConsoleSession } from '../../src/console/session-client.ts';
import { startBro } from '../support/bro.ts';
import { runCommand, startConsoleZeek } from '../support/console.ts';
import { eventually } from '../support/eventually.ts';
import { certified, tlsFile } from '../support/tls-fixtures.ts';

const SQL = 'SELECT pid, name FROM processes';

test('all hosts answer, and each row has its host', async (t) => {
  const zeek = await startConsoleZeek(t);
  await zeek.simulate(3);
  const { out, err, exitCode } = await runCommand(queryCommand, ['query', '--zeek', zeek.consoles, SQL]);
  assert.equal(exitCode, 0, err);
  const rows = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(rows.length, 15);
  assert.deepEqual([...new Set(rows.map(({ hostname }) => hostname))].toSorted(), [
    'sim-1.example.com',
    'sim-2.example.com',
    'sim-3.example.com',
  ]);
  assert.deepEqual(Object.keys(rows[0].columns), ['pid', 'name']);
  assert.match(err, /3 hosts asked: 3 answered, 15 rows/);
});

test('who refuses, is silent or is not there is told, and the exit code says that not all have answered', async (t) => {
  const zeek = await startConsoleZeek(t);
  await zeek.simulate(6, '--refuse-queries', '2', '--ignore-queries', '1');
  const { out, err, exitCode } = await runCommand(queryCommand, [
    ...['query', '--zeek', zeek.consoles, '--json', '--timeout', '1.5', SQL],
  ]);
  assert.equal(exitCode, 3);
  const { hosts, failed, silent, rows } = JSON.parse(out);
  assert.deepEqual(hosts, { asked: 6, answered: 3, failed: 2, absent: 0, silent: 1 });
  assert.equal(rows.length, 15);
  assert.deepEqual(
    silent.map(({ host }: { host: string }) => host),
    ['sim-3'],
  );
  assert.match(failed[0].text, /refuses one-time queries/);
  assert.match(err, /sim-1.example.com, sim-2.example.com: this simulated host refuses/);
  assert.match(err, /no answer from sim-3.example.com/);
  // What was not answered has been taken back.
  const absent = await runCommand(queryCommand, ['query', '--zeek', zeek.consoles, '--host', 'nobody', SQL]);
  assert.equal(absent.exitCode, 3);
  assert.match(absent.err, /nobody: the host is not connected/);
});

test('hosts are chosen by name, group, subnet and condition', async (t) => {
  const zeek = await startConsoleZeek(t);
  await zeek.simulate(4, '--group', 'servers/web');
  const asked = async (...words: string[]) => {
    const ran = await runCommand(queryCommand, ['query', '--zeek', zeek.consoles, '--json', ...words, SQL]);
    return ran.exitCode === 4 ? 'none' : JSON.parse(ran.out).hosts.asked;
  };
  assert.equal(await asked('--host', 'sim-2', '--host', 'SIM-3.example.com'), 2);
  assert.equal(await asked('--group', 'servers'), 4);
  assert.equal(await asked('--group', 'elsewhere'), 'none');
  assert.equal(await asked('--subnet', '10.0.0.2/32'), 1);
  assert.equal(await asked('--where', 'platform = "linux" AND id > "sim-2"'), 2);
  assert.equal(await asked('--where', 'platform = "windows"'), 'none');
  const wrong = await runCommand(queryCommand, [
    'query',
    '--zeek',
    zeek.consoles,
    '--where',
    'plattform = 1',
    SQL,
  ]);
  assert.deepEqual(
    [wrong.exitCode, wrong.err],
    [1, 'error: SQL of this console: no such column: plattform\n'],
  );
});

test('SQL over the answers of all, CSV, and a saved query', async (t) => {
  const zeek = await startConsoleZeek(t);
  await zeek.simulate(2);
  const folder = await mkdtemp(join(tmpdir(), 'queries-'));
  t.after(() => rm(folder, { recursive: true }));
  const head =
    '-- Who runs what\n-- then: SELECT pid, count(DISTINCT host) AS hosts\n-- then: FROM rows GROUP BY pid\n';
  await writeFile(join(folder, 'programs.sql'), `${head}${SQL};\n`);
  const saved = ['query', '--zeek', zeek.consoles, '--queries', folder];
  const { out, exitCode } = await runCommand(queryCommand, [...saved, '@programs', '--csv', '--quiet']);
  assert.equal(exitCode, 0);
  assert.equal(out, 'pid,hosts\n1,2\n2,2\n3,2\n4,2\n5,2\n');
  const missing = await runCommand(queryCommand, [...saved, '@absent']);
  assert.equal(missing.exitCode, 1);
  assert.match(missing.err, /no saved query @absent in .*; there are programs/);
  const listed = await runCommand(queryCommand, [...saved, '--list']);
  assert.match(listed.out, /^@programs {2}Who runs what\n/);
});

test('enough rows end a query, and so does Ctrl-C, which leaves nothing', async (t) => {
  const zeek = await startConsoleZeek(t);
  await zeek.simulate(3);
  const first = await runCommand(queryCommand, ['query', '--zeek', zeek.consoles, '--first', '4', SQL]);
  assert.equal(first.exitCode, 0);
  assert.equal(first.out.trim().split('\n').length, 4);
  const controller = new AbortController();
  const running = runCommand(queryCommand, ['query', '--zeek', zeek.consoles, '--every', '1', SQL], {
    interrupted: controller.signal,
  });
  await eventually(
    'all are subscribed',
    () => zeek.news.filter(({ type }) => type === 'requested').length === 3,
  );
  const queries = await runCommand(queriesCommand, [
    'queries',
    '--zeek',
    zeek.consoles,
    '--json',
    '--as',
    'me',
  ]);
  assert.deepEqual(
    JSON.parse(queries.out).map(({ sql, interval }: { sql: string; interval: number }) => [sql, interval]),
    [[SQL, 1]],
  );
  controller.abort();
  assert.equal((await running).exitCode, 130);
  await eventually('none is', () => zeek.news.filter(({ type }) => type === 'unsubscribed').length === 3);
});

test('the queries of a console that dies end', async (t) => {
  const zeek = await startConsoleZeek(t);
  await zeek.simulate(2);
  const { session } = await ConsoleSession.open({
    address: parseEndpointAddress(zeek.consoles) as never,
    ...{ tls: {}, user: 'spec', version: '0', topicPrefix: '/bro/osquery', onProblem: () => {} },
    randomId: () => crypto.randomUUID(),
  });
  const none = { hosts: [], groups: [], subnets: [], timeout: 0, maxRows: 0 };
  session.ask({ ...none, sql: SQL, interval: 5, updateType: 'BOTH' }, () => {});
  await eventually(
    'both are subscribed',
    () => zeek.news.filter(({ type }) => type === 'requested').length === 2,
  );
  session.destroy();
  await eventually('none is', () => zeek.news.filter(({ type }) => type === 'unsubscribed').length === 2);
  await assert.rejects(session.ended, /session is closed/);
});

test('hosts, one host and what goes on are listed', async (t) => {
  const zeek = await startConsoleZeek(t);
  await zeek.simulate(2, '--group', 'g');
  const table = await runCommand(hostsCommand, ['hosts', '--zeek', zeek.consoles, '--format', 'table']);
  assert.match(table.out, /^name +id +state/);
  assert.match(table.out, /sim-2.example.com +sim-2 +for \d+ s +an invented system/);
  const csv = await runCommand(hostsCommand, [
    'hosts',
    '--zeek',
    zeek.consoles,
    '--csv',
    '--where',
    'id = "sim-1"',
  ]);
  assert.equal(csv.out.trim().split('\n').length, 2);
  const one = await runCommand(hostCommand, ['host', 'sim-1', '--zeek', zeek.consoles]);
  assert.match(one.out, /groups +g\n/);
  const unknown = await runCommand(hostCommand, ['host', 'sim-9', '--zeek', zeek.consoles]);
  assert.deepEqual([unknown.exitCode, unknown.err], [4, 'this Zeek knows no host sim-9\n']);
  const top = await runCommand(topCommand, [
    'top',
    '--zeek',
    zeek.consoles,
    '--once',
    '--every',
    '0.1',
    '--json',
  ]);
  assert.equal(JSON.parse(top.out).connected, 2);
});

test('a Zeek that lets consoles run no queries says so', async (t) => {
  const zeek = await startConsoleZeek(t, { allowQueries: false });
  await zeek.simulate(1);
  const { err, exitCode } = await runCommand(queryCommand, ['query', '--zeek', zeek.consoles, SQL]);
  assert.deepEqual([exitCode, err], [1, 'error: this Zeek lets consoles run no queries\n']);
});

test('a Zeek that does not load the console, and one that is not there, are told apart', async (t) => {
  const bro = await startBro(t, { transport: 'websocket' });
  const options = { tls: {}, user: 'spec', version: '0', topicPrefix: '/bro/osquery', onProblem: () => {} };
  await assert.rejects(
    ConsoleSession.open({
      ...{ ...options, address: parseEndpointAddress(bro.address) as never, patience: 100 },
      randomId: () => crypto.randomUUID(),
    }),
    { code: 'no-console', message: /does not answer consoles: it has to load osquery\/console/ },
  );
  const nobody = await runCommand(queryCommand, ['query', '--zeek', 'ws://127.0.0.1:1', SQL]);
  assert.equal(nobody.exitCode, 1);
  assert.match(nobody.err, /127.0.0.1:1/);
  const far = await runCommand(queryCommand, ['query', '--zeek', 'ws://192.0.2.1:27760', SQL]);
  assert.match(far.err, /neither encrypted nor authenticated; use wss:\/\/, or --plain/);
});

test('with certificates on both sides, and not without', async (t) => {
  const zeek = await startConsoleZeek(t, { tls: { ...certified('zeek'), requireAuthentication: true } });
  await zeek.simulate(1);
  const words = [
    'query',
    '--zeek',
    zeek.consoles.replace('127.0.0.1', 'localhost'),
    '--tls-ca',
    tlsFile('ca.pem'),
  ];
  const own = ['--tls-certificate', tlsFile('host.pem'), '--tls-key', tlsFile('host.key')];
  const { exitCode, err } = await runCommand(queryCommand, [...words, ...own, SQL]);
  assert.equal(exitCode, 0, err);
  const without = await runCommand(queryCommand, [...words, SQL]);
  assert.equal(without.exitCode, 1);
  assert.match(without.err, /certificate/);
});
