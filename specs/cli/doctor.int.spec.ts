import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { flagOf, flagsOfFile } from '../../src/cli/doctor/flags.ts';
import { lookAtService } from '../../src/cli/doctor/service.ts';
import { HOPS } from '../../src/cli/extension/observation/row-trace/hops.ts';
import type { StatusReport } from '../../src/cli/extension/observation/status-report.ts';
import { startBro } from '../support/bro.ts';
import { HostProcesses } from '../support/host-processes.ts';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');

/** Runs `doctor` as a process. @returns its exit code and its findings, by level */
async function doctor(...args: readonly string[]) {
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, 'doctor', '--json', ...args]);
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8');
  });
  const [code] = await once(child, 'close');
  const findings: { level: string; what: string; advice: string }[] = JSON.parse(text);
  const of = (level: string) => findings.filter((one) => one.level === level).map(({ what }) => what);
  return { code, findings, ok: of('ok'), warnings: of('warning'), problems: of('problem') };
}

async function temporary(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'doctor-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** A flagfile, a list of extensions and an executable as an operator has them, each to be spoilt. */
async function installed(directory: string, flags: readonly string[] = []) {
  const executable = join(directory, 'bro-osquery.ext');
  const list = join(directory, 'extensions.load');
  const flagfile = join(directory, 'osquery.flags');
  await writeFile(executable, '#!/bin/sh\n', { mode: 0o755 });
  await writeFile(list, `# ours\n${executable}\n`);
  await writeFile(flagfile, ['# flags', `--extensions_autoload=${list}`, ...flags, ''].join('\n'));
  return { executable, list, flagfile };
}

const GOOD = [
  '--extensions_timeout=30',
  '--logger_plugin=bro,filesystem',
  '--logger_event_type=false',
  '--logger_rotate=true',
];

test('a host that works has no problem, and one whose Zeek goes has that one', async (t) => {
  const bro = await startBro(t);
  const host = await HostProcesses.create({ bro: { bro_endpoint: bro.address, uid: 'h1' } });
  t.after(() => host.close());
  await host.startOsqueryd();
  host.startExtension();
  bro.subscribe('SELECT 1 AS n', { interval: 3_600 });
  await host.names([{ peer: bro.address, sql: 'SELECT 1 AS n' }]);
  const ask = () => doctor('--socket', host.socket, '--state-dir', host.stateDirectory);
  const well = await ask();
  assert.deepEqual(well.problems, []);
  assert.equal(well.code, 0);
  assert.ok(well.ok.includes('the extension is registered with osqueryd'), well.ok.join('\n'));
  assert.ok(well.ok.includes(`Zeek ${bro.address} is connected, with 1 subscription`), well.ok.join('\n'));
  const traced = await doctor('--socket', host.socket, '--state-dir', host.stateDirectory, '--trace-row');
  assert.deepEqual(traced.problems, []);
  const hops = traced.ok.flatMap((what) => /^test row(?: for \S+)?, ([a-z ]+): /.exec(what)?.[1] ?? []);
  assert.deepEqual(hops, [...HOPS]);
  // Nothing is left of it: neither in osquery's schedule, nor for subscriptions.
  await host.names([{ peer: bro.address, sql: 'SELECT 1 AS n' }]);
  await bro.kill();
  await host.untilReported('the Zeek is gone', ({ bros: [one] }) => one?.state !== 'linked.peered');
  const ill = await ask();
  assert.equal(ill.code, 1);
  assert.equal(ill.problems.length, 1);
  assert.match(ill.problems[0] ?? '', /^Zeek .* is not connected/);
});

test('for an osqueryd that is not running its flagfile is checked', async (t) => {
  const directory = await temporary(t);
  const { executable, list, flagfile } = await installed(directory, [
    ...GOOD,
    `--config_path=${join(directory, 'osquery.conf')}`,
    `--extensions_socket=${join(directory, 'osquery.em')}`,
  ]);
  const ask = () => doctor('--flagfile', flagfile, '--state-dir', directory);
  await writeFile(join(directory, 'osquery.conf'), '{"bro": {"bro_endpoint": "zeek:9999", "grups": []}}');
  const stopped = await ask();
  assert.equal(stopped.code, 1);
  assert.deepEqual(stopped.ok.slice(0, 3), [
    `${list} lists ${executable}, which osqueryd will load`,
    "osqueryd's flags are fine",
    `${join(directory, 'osquery.conf')} names 1 Zeek: zeek:9999`,
  ]);
  assert.match(stopped.ok[3] ?? '', /^sockets are polled/);
  assert.equal(stopped.warnings.length, 1);
  assert.match(stopped.warnings[0] ?? '', /grups/);
  assert.equal(stopped.problems.length, 2, stopped.problems.join('\n'));

  await chmod(executable, 0o757);
  await writeFile(join(directory, 'osquery.conf'), '{"bro": {"bro_endpoint": 7}}');
  const spoilt = await ask();
  assert.ok(spoilt.problems.some((what) => what.startsWith(`osqueryd will not load ${executable}`)));
  assert.ok(
    spoilt.problems.some((what) => what.includes('bro_endpoint')),
    spoilt.problems.join('\n'),
  );
});

test('each problem comes with what to do', async (t) => {
  const directory = await temporary(t);
  const { flagfile } = await installed(directory, [
    '--logger_plugin=filesystem,bro',
    `--extensions_socket=${join(directory, 'osquery.em')}`,
  ]);
  const { findings, problems, warnings } = await doctor('--flagfile', flagfile, '--state-dir', directory);
  for (const { level, what, advice } of findings) {
    assert.ok(level === 'ok' || advice !== '' || what.includes('; set '), what);
  }
  assert.ok(problems.some((what) => what.includes('osqueryd exits when its last logger fails')));
  assert.deepEqual(
    warnings.map((what) => what.split(':')[0]),
    [
      '--extensions_timeout is 3',
      'osqueryd makes a log call for each row',
      "osqueryd's own log in /var/log/osquery also holds all rows of our queries, and its size is not limited",
    ],
  );
});

test('a flagfile is read as osqueryd reads it, and its defaults hold where it is silent', () => {
  const flags = flagsOfFile(
    '# --logger_plugin=tls\n  --logger_rotate\n-extensions_timeout=30\n--logger_path=/a b/=c\n',
  );
  assert.deepEqual(
    ['logger_plugin', 'logger_rotate', 'extensions_timeout', 'logger_path', 'nothing'].map((name) =>
      flagOf(flags, name),
    ),
    ['filesystem', 'true', '30', '/a b/=c', ''],
  );
});

test('a full disk, lost rows and counters that do not add up are reported', () => {
  const account = {
    ...{ peer: 'zeek:9999', name: 'bro_1_1', taken: 10, refused: 0, sent: 5, resent: 0, confirmed: 5 },
    ...{ dropped: 5, skipped: {}, pending: 0 },
  };
  const report = {
    pid: 7,
    bros: [],
    told: [],
    eventLog: { records: 1, trouble: 'ENOSPC' },
    logger: { refusal: 'no space left' },
    subscriptions: [
      { name: 'bro_1_1', peer: 'zeek:9999', sql: 'SELECT 1', interval: 10, lastRun: null, trouble: '' },
      {
        name: 'bro_1_3',
        peer: 'zeek:9999',
        sql: 'SELECT 2',
        interval: 10,
        lastRun: null,
        trouble: "osquery can't run it: no",
      },
    ],
    delivery: [account, { ...account, name: 'bro_1_2', pending: 1 }],
  } as unknown as StatusReport;
  assert.deepEqual(
    lookAtService(report).map(({ level, what }) => `${level} ${what}`),
    [
      'ok the extension runs as process 7',
      "problem the event log can't be written, so requests are refused: ENOSPC",
      "problem the journal can't be written: no space left",
      "warning bro_1_3 of Zeek zeek:9999 does not run as requested: osquery can't run it: no",
      'warning 5 rows of bro_1_1 for zeek:9999 were lost since the start, and reported to it',
      'problem counts of bro_1_2 for zeek:9999: 10 taken, but 10 settled and 1 pending',
    ],
  );
});
