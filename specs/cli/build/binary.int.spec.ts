import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createManagerClient } from '../../../src/osquery/manager-client.ts';
import { startBro } from '../../support/bro.ts';
import { socketAppears, spawnStandin } from '../../support/standin-process.ts';

/** The binary as an operator has it; `make test` builds the binary first. */

const root = join(import.meta.dirname, '../../..');
const binary = join(root, 'dist/bro-osquery.ext');

test('osqueryd loads the binary by itself, and starts it again when it dies', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'bro-binary-'));
  const bro = await startBro(t);
  const socket = join(directory, 'osquery.em');
  const config = { bro: { bro_endpoint: bro.address, uid: 'h1', state_dir: join(directory, 'state') } };
  writeFileSync(join(directory, 'osquery.conf'), JSON.stringify(config));
  copyFileSync(binary, join(directory, 'bro-osquery.ext'));
  writeFileSync(join(directory, 'extensions.load'), `${join(directory, 'bro-osquery.ext')}\n`);
  spawnStandin(t, [
    '--ephemeral',
    `--extensions_socket=${socket}`,
    `--extensions_autoload=${join(directory, 'extensions.load')}`,
    '--extensions_timeout=30',
    '--extensions_interval=1',
    '--config_plugin=filesystem',
    `--config_path=${join(directory, 'osquery.conf')}`,
    '--logger_plugin=bro,filesystem',
    `--logger_path=${directory}`,
  ]);
  // Whom a killed osqueryd has started lives on until it has waited long enough for another.
  t.after(() => {
    for (const orphan of processesOf(join(directory, 'bro-osquery.ext'))) process.kill(orphan, 'SIGKILL');
  });
  // Behind those who write into it: hooks run in the order in which they are registered.
  t.after(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
  await socketAppears(socket);
  await bro.announced('h1');
  const [pid = 0] = processesOf(join(directory, 'bro-osquery.ext'));
  const environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
  assert.deepEqual(
    environment
      .split('\0')
      .filter((line) => line !== '')
      .sort(),
    [`OSQUERY_EXTENSION=${pid}`, 'OSQUERY_EXTENSIONS=true'],
  );
  assert.equal(readlinkSync(`/proc/${pid}/cwd`), '/');
  assert.equal(readFileSync(`/proc/${pid}/comm`, 'utf8'), 'bro-osquery\n');
  const [, ...words] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  assert.deepEqual(words, ['--socket', socket, '--timeout', '30', '--interval', '1']);
  const users = bro.subscribe('SELECT username FROM users WHERE uid = 0', { interval: 1 });
  await bro.untilRows(1, users);
  process.kill(pid, 'SIGKILL');
  await bro.untilHolds(() => bro.of('announced').length >= 2, 'another announcement');
  const osquery = createManagerClient({ path: socket });
  t.after(() => osquery.close());
  const scheduled = await osquery.query("SELECT query FROM osquery_schedule WHERE name LIKE 'bro_%'");
  assert.deepEqual(scheduled, [{ query: 'SELECT username FROM users WHERE uid = 0' }]);
});

test('the binary is the whole command line, without PATH, HOME or a folder of its own', () => {
  const run = (...args: readonly string[]) =>
    execFileSync(binary, args, { cwd: '/', env: {}, encoding: 'utf8' });
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  assert.equal(run('--version'), `${version}\n`);
  const explained = run('replay', join(root, 'fixtures/event-log/last-night'), '--explain', 'bro_7a3e5c19_2');
  assert.match(explained, /^bro_7a3e5c19_2: /);
});

test('by a link on the PATH, from elsewhere, the binary starts itself again for the demo and the sandbox', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'bro-binary-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  symlinkSync(binary, join(directory, 'bro-osquery'));
  const options = { cwd: '/', env: { PATH: `${directory}:/usr/bin:/bin` } };
  const demo = spawnSync('bro-osquery', ['demo'], { ...options, encoding: 'utf8' });
  assert.equal(demo.status, 0, `${demo.stdout}${demo.stderr}`);
  assert.match(demo.stdout, /Every step succeeded: from a Zeek to osquery and back\.\n$/);
  const inspecting = spawn('bro-osquery', ['inspect', '--sandbox', '--listen', '127.0.0.1:0'], {
    ...options,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(inspecting, 'exit');
  t.after(() => inspecting.kill('SIGKILL'));
  const [line] = await once(inspecting.stdout, 'data');
  assert.equal((await fetch(String(line).trim())).status, 200);
  inspecting.kill('SIGTERM');
  assert.deepEqual(await ended, [0, null]);
});

function processesOf(path: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(`${path}\0`);
      } catch {
        return false;
      }
    })
    .map(Number);
}

test('the binary has the page of its inspection inside, and needs nothing else to serve it', async (t) => {
  const inspecting = spawn(binary, ['inspect', join(root, 'fixtures/event-log/last-night')], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: {},
    cwd: '/',
  });
  const ended = once(inspecting, 'exit');
  t.after(() => inspecting.kill('SIGKILL'));
  const [line] = await once(inspecting.stdout, 'data');
  const script = await fetch(new URL('page.js', String(line).trim()));
  assert.equal(script.status, 200);
  assert.ok((await script.text()).length > 10_000);
  inspecting.kill('SIGTERM');
  assert.deepEqual(await ended, [0, null]);
});
