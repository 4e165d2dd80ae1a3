import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createManagerClient } from '../../../src/osquery/manager-client.ts';
import { startBro } from '../../support/bro.ts';
import { socketAppears, spawnStandin } from '../../support/standin-process.ts';

/** The binary and its package as an operator has them; `make test` builds the binary first. */

const root = join(import.meta.dirname, '../../..');
const binary = join(root, 'dist/bro-osquery.ext');

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'bro-binary-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

test('osqueryd loads the binary by itself, and starts it again when it dies', async (t) => {
  const directory = temporary(t);
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
  await socketAppears(socket);
  await bro.announced('h1');
  const [pid = 0] = processesOf(join(directory, 'bro-osquery.ext'));
  const environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
  assert.ok(environment.includes('OSQUERY_EXTENSION='), environment);
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

test('the Debian package installs and leaves without a trace but state, which a purge takes too', (t) => {
  execFileSync(process.execPath, ['--import', 'tsx', 'src/cli/build/package.ts'], { cwd: root });
  const [deb = ''] = readdirSync(join(root, 'dist')).filter((name) => name.endsWith('.deb'));
  const target = temporary(t);
  for (const folder of ['etc/osquery', 'var/lib/dpkg', 'var/osquery/bro-osquery']) {
    mkdirSync(join(target, folder), { recursive: true });
  }
  writeFileSync(join(target, 'var/lib/dpkg/status'), '');
  // Another extension's line, without a line end.
  writeFileSync(join(target, 'etc/osquery/extensions.load'), '/opt/other.ext');
  const dpkg = (...args: readonly string[]) =>
    execFileSync('dpkg', [`--root=${target}`, '--force-depends', '--force-script-chrootless', ...args], {
      stdio: 'pipe',
    });
  const load = () => readFileSync(join(target, 'etc/osquery/extensions.load'), 'utf8');
  const extension = '/usr/lib/osquery/extensions/bro-osquery.ext';
  dpkg('--install', join(root, 'dist', deb));
  dpkg('--install', join(root, 'dist', deb));
  assert.equal(load(), `/opt/other.ext\n${extension}\n`);
  assert.equal(execFileSync(join(target, extension), ['--version'], { env: {} }).length > 0, true);
  dpkg('--remove', 'bro-osquery');
  assert.equal(load(), '/opt/other.ext\n');
  assert.equal(existsSync(join(target, 'usr/lib/osquery')), false);
  assert.equal(existsSync(join(target, 'var/osquery/bro-osquery')), true);
  dpkg('--purge', 'bro-osquery');
  assert.equal(existsSync(join(target, 'var/osquery')), false);
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
