import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { whyNotAutoload } from '../../src/osquery/autoload-store.ts';
import { FlagError, Flags } from '../../src/sandbox/osqueryd/flags.ts';
import { eventually } from '../support/eventually.ts';
import { OsqueryProbe, queryManager } from '../support/osquery-probe.ts';
import { temporaryDirectory } from '../support/standin.ts';
import { socketAppears, spawnStandin } from '../support/standin-process.ts';

const NO_FILE = () => {
  throw new Error('no file');
};

test('it says that it is a stand-in, answers, and ends in order on SIGTERM', async (t) => {
  const directory = temporaryDirectory(t);
  const socket = join(directory, 'em');
  const flags = [
    '--ephemeral',
    `--extensions_socket=${socket}`,
    '--logger_plugin=stdout',
    '--config_plugin=update',
  ];
  const { child, ended, stderr } = spawnStandin(t, flags);
  await socketAppears(socket);
  assert.match(
    stderr(),
    /^bro-osquery sandbox: this is a stand-in for osqueryd 5\.23\.1, not osquery itself\./,
  );
  assert.deepEqual((await queryManager(socket, 'SELECT pid FROM osquery_info')).rows, [
    { pid: String(child.pid) },
  ]);
  const probe = new OsqueryProbe({ manager: socket });
  await probe.register({ logger: { probe: [] } });
  t.after(() => probe.die());
  child.kill('SIGTERM');
  assert.equal(await ended, 0);
  assert.equal(probe.shutdowns, 1);
  assert.equal(existsSync(socket) || existsSync(`${socket}.${probe.uuid}`), false);
});

for (const signal of ['SIGKILL', 'SIGHUP'] as const) {
  test(`ended by ${signal} it leaves everything as it is; started again it removes the sockets of its former extensions`, async (t) => {
    const directory = temporaryDirectory(t);
    const socket = join(directory, 'em');
    const flags = [
      '--ephemeral',
      `--extensions_socket=${socket}`,
      '--logger_plugin=stdout',
      '--config_plugin=update',
    ];
    const first = spawnStandin(t, flags);
    await socketAppears(socket);
    const probe = new OsqueryProbe({ manager: socket });
    await probe.register({ logger: { probe: [] } });
    t.after(() => probe.die());
    first.child.kill(signal);
    await first.ended;
    assert.equal(probe.shutdowns, 0);
    assert.equal(existsSync(`${socket}.${probe.uuid}`), true);
    spawnStandin(t, flags);
    await eventually('the socket is gone', () => !existsSync(`${socket}.${probe.uuid}`));
  });
}

test("a flag that osqueryd doesn't have is refused before anything starts", async (t) => {
  const { ended, stderr } = spawnStandin(t, ['--log_result_events=0']);
  assert.equal(await ended, 1);
  assert.equal(stderr(), "ERROR: unknown command line flag 'log_result_events'\n");
});

test("a database that can't be opened is the end before the beginning", async (t) => {
  const file = join(temporaryDirectory(t), 'file');
  writeFileSync(file, '');
  const flags = [`--database_path=${file}/db`, '--logger_plugin=stdout', '--config_plugin=update'];
  const { ended, stderr } = spawnStandin(t, flags);
  assert.equal(await ended, 78);
  assert.match(stderr(), /osqueryd initialize failed: Could not initialize database: /);
});

test('flags are read as osqueryd reads them', () => {
  const flags = Flags.parse(
    ['--verbose', '--nologger_event_type', '--extensions_interval', '5', '-utc=false', '--flagfile=f'],
    () => '# a comment\n--config_plugin=update\n\n--schedule_epoch=7\n',
  );
  assert.deepEqual(
    ['verbose', 'logger_event_type', 'extensions_interval', 'utc', 'config_plugin', 'schedule_epoch'].map(
      (name) => flags.text(name),
    ),
    ['true', 'false', '5', 'false', 'update', '7'],
  );
  assert.throws(() => Flags.parse(['--verbose=maybe'], NO_FILE), FlagError);
  assert.throws(() => Flags.parse(['--schedule_epoch=x'], NO_FILE), FlagError);
  assert.throws(() => Flags.parse(['--nosuchflag'], NO_FILE), {
    message: "ERROR: unknown command line flag 'nosuchflag'",
  });
});

test('an extension is autoloaded only from a safe executable file named .ext', (t) => {
  const directory = temporaryDirectory(t);
  const file = (name: string, mode: number) => {
    writeFileSync(join(directory, name), '#!/bin/sh\n');
    chmodSync(join(directory, name), mode);
    return whyNotAutoload(join(directory, name));
  };
  assert.equal(file('good.ext', 0o755), undefined);
  assert.equal(file('plain.ext', 0o644), 'with unsafe directory permissions');
  assert.equal(file('open.ext', 0o777), 'with unsafe directory permissions');
  assert.equal(file('good.sh', 0o755), "not ending in one of '.ext'");
  assert.equal(whyNotAutoload(join(directory, 'missing.ext')), "extension doesn't exist at");
});

test("an autoloaded extension gets osqueryd's flags and a bare environment, and is started again", async (t) => {
  const directory = temporaryDirectory(t);
  const extension = join(directory, 'probe.ext');
  const trace = join(directory, 'trace');
  mkdirSync(trace);
  const script = [
    '#!/bin/sh',
    `{ echo "$*"; pwd; env; } > ${trace}/$$.part`,
    `mv ${trace}/$$.part ${trace}/$$`,
  ];
  writeFileSync(extension, `${[...script, 'exec sleep 60'].join('\n')}\n`);
  chmodSync(extension, 0o755);
  writeFileSync(join(directory, 'extensions.load'), `# ours\n${extension}\n`);
  const socket = join(directory, 'em');
  const { child, ended } = spawnStandin(t, [
    ...['--ephemeral', `--extensions_socket=${socket}`, '--logger_plugin=stdout', '--config_plugin=update'],
    ...[`--extensions_autoload=${join(directory, 'extensions.load')}`, '--extensions_timeout=7', '--verbose'],
  ]);
  const started = () => pids(trace);
  await eventually('the extension started', () => started().length === 1);
  const [pid = 0] = started();
  const [argv, cwd, ...environment] = readFileSync(join(trace, String(pid)), 'utf8')
    .trim()
    .split('\n');
  assert.equal(argv, `--verbose --socket ${socket} --timeout 7 --interval 3`);
  assert.equal(cwd, '/');
  // The shell adds PWD and what it counts for itself.
  const own = environment.filter((line) => !/^(PWD|OLDPWD|SHLVL|_)=/.test(line)).sort();
  assert.deepEqual(own, [`OSQUERY_EXTENSION=${pid}`, 'OSQUERY_EXTENSIONS=true']);
  process.kill(pid, 'SIGKILL');
  await eventually('the extension started again', () => started().length === 2);
  child.kill('SIGTERM');
  assert.equal(await ended, 0);
  for (const gone of started()) assert.throws(() => process.kill(gone, 0));
});

function pids(directory: string): number[] {
  return readdirSync(directory).map(Number).filter(Number.isInteger);
}
