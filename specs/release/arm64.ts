import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { startBro } from '../support/bro.ts';
import { HostProcesses } from '../support/host-processes.ts';

/** The executable for Linux on arm64, run by qemu beside a stand-in osqueryd of this machine: `make test-arm64`. */

const root = join(import.meta.dirname, '../..');
const arm64 = join(root, '.cache/arm64');
const program = [
  join(arm64, 'qemu-aarch64-static'),
  ...['-L', join(arm64, 'root')],
  join(root, 'dist/linux-arm64/bro-osquery.ext'),
];
const [qemu = '', ...first] = program;
const run = (...words: readonly string[]) =>
  spawnSync(qemu, [...first, ...words], { encoding: 'utf8', env: {} });

test('it is a program for arm64, and says its version', () => {
  const header = execFileSync('head', ['-c', '20', first.at(-1) ?? '']);
  assert.equal(header.readUInt16LE(18), 0xb7, 'EM_AARCH64 in the header of the ELF file');
  const { version } = JSON.parse(execFileSync('cat', [join(root, 'package.json')], { encoding: 'utf8' }));
  const { stdout, stderr, status } = run('--version');
  assert.deepEqual({ stdout, stderr, status }, { stdout: `${version}\n`, stderr: '', status: 0 });
});

test('its doctor says what is wrong where nothing is installed', () => {
  const { stdout, status } = run('doctor', '--json', '--socket', '/nowhere/osquery.em');
  assert.equal(status, 1);
  const findings: { level: string; what: string }[] = JSON.parse(stdout);
  assert.ok(findings.some(({ level, what }) => level === 'problem' && what.includes('/nowhere/osquery.em')));
});

test('the extension joins osqueryd, brings rows to a Zeek, and takes them from its journal when it was killed', async (t) => {
  const bro = await startBro(t);
  const host = await HostProcesses.create({ bro: { bro_endpoint: bro.address, uid: 'h1' }, program });
  t.after(() => host.close());
  await host.startOsqueryd();
  host.startExtension();
  await bro.announced('h1');
  const users = bro.subscribe('SELECT uid, username FROM users WHERE uid = 0', { interval: 1 });
  await bro.untilRows(1, users);
  await host.kill('extension');
  host.startExtension();
  await bro.untilHolds(() => bro.of('announced').length >= 2, 'another announcement');
  const groups = bro.subscribe('SELECT gid FROM groups WHERE gid = 0', { interval: 1 });
  await bro.untilRows(1, groups);
});
