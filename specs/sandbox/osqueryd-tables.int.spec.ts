import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { cpus, networkInterfaces, totalmem } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { hexAddress } from '../../src/sandbox/osqueryd/tables/sockets.ts';
import { type Answer, queryManager } from '../support/osquery-probe.ts';
import { standin, temporaryDirectory } from '../support/standin.ts';

/** A function that asks a stand-in of this process. */
async function asking(t: TestContext): Promise<(sql: string) => Promise<Answer>> {
  const { osqueryd, socket } = standin(t, ['--logger_plugin=stdout', '--config_plugin=update']);
  await osqueryd.start();
  return (sql) => queryManager(socket, sql);
}

test('processes tells of this very process what the process knows of itself', async (t) => {
  const ask = await asking(t);
  const { rows } = await ask(`SELECT * FROM processes WHERE pid = ${process.pid}`);
  const [own] = rows;
  assert.equal(rows.length, 1);
  assert.equal(own?.['parent'], String(process.ppid));
  assert.equal(own?.['uid'], String(process.getuid?.()));
  assert.equal(own?.['cwd'], process.cwd());
  assert.equal(own?.['path'], process.execPath);
  assert.equal(own?.['on_disk'], '1');
  assert.equal(own?.['cmdline'], readFileSync('/proc/self/cmdline', 'utf8').replaceAll('\0', ' ').trim());
  const started = Date.now() / 1000 - process.uptime();
  assert.ok(Math.abs(Number(own?.['start_time']) - started) < 5);
  assert.ok(Number(own?.['resident_size']) > 10 * 1024 * 1024);
  const all = await ask('SELECT count(*) AS n FROM processes');
  assert.ok(Number(all.rows[0]?.['n']) > 1);
});

test('a port that this process opens is in listening_ports and process_open_sockets', async (t) => {
  const ask = await asking(t);
  const server = createServer().listen(0, '127.0.0.1');
  t.after(() => server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  const listening = await ask(
    `SELECT pid, port, protocol, family, address FROM listening_ports WHERE port = ${port}`,
  );
  assert.deepEqual(listening.rows, [
    { address: '127.0.0.1', family: '2', pid: String(process.pid), port: String(port), protocol: '6' },
  ]);
  const sockets = await ask(
    `SELECT local_address, local_port, state FROM process_open_sockets WHERE pid = ${process.pid} AND local_port = ${port}`,
  );
  assert.deepEqual(sockets.rows, [{ local_address: '127.0.0.1', local_port: String(port), state: 'LISTEN' }]);
});

test("addresses of /proc/net are read in the machine's byte order", () => {
  assert.equal(hexAddress('0100007F'), '127.0.0.1');
  assert.equal(hexAddress('00000000000000000000000000000000'), '::');
  assert.equal(hexAddress('00000000000000000000000001000000'), '::1');
  assert.equal(hexAddress('0000000000000000FFFF00000100007F'), '::ffff:127.0.0.1');
  assert.equal(hexAddress('B80D0120000000000000000001000000'), '2001:db8::1');
  assert.equal(hexAddress('000080FE000000000000000001000000'), 'fe80::1');
});

test('interfaces and the system are those that the operating system reports', async (t) => {
  const ask = await asking(t);
  const addresses = await ask('SELECT interface, address, mask FROM interface_addresses');
  const expected = Object.entries(networkInterfaces()).flatMap(([name, list]) =>
    (list ?? []).map(({ address, netmask, scopeid }) => ({
      interface: name,
      address: scopeid ? `${address}%${name}` : address,
      mask: netmask,
    })),
  );
  const sort = (list: readonly object[]) =>
    list.map((item) => JSON.stringify(Object.entries(item).sort())).sort();
  assert.deepEqual(sort(addresses.rows), sort(expected));
  const details = await ask("SELECT mtu FROM interface_details WHERE interface = 'lo'");
  assert.deepEqual(details.rows, [{ mtu: readFileSync('/sys/class/net/lo/mtu', 'utf8').trim() }]);
  const system = await ask('SELECT cpu_logical_cores, physical_memory FROM system_info');
  assert.deepEqual(system.rows, [
    { cpu_logical_cores: String(cpus().length), physical_memory: String(totalmem()) },
  ]);
});

test("users, groups, mounts, os_version, uptime and load_average are this host's", async (t) => {
  const ask = await asking(t);
  const root = await ask("SELECT uid, gid, directory FROM users WHERE username = 'root'");
  assert.deepEqual(root.rows, [{ directory: '/root', gid: '0', uid: '0' }]);
  assert.deepEqual((await ask("SELECT gid FROM groups WHERE groupname = 'root'")).rows, [{ gid: '0' }]);
  const mounts = readFileSync('/proc/mounts', 'utf8').trim().split('\n').length;
  assert.deepEqual((await ask('SELECT count(*) AS n FROM mounts')).rows, [{ n: String(mounts) }]);
  const { rows } = await ask('SELECT platform FROM os_version');
  assert.match(readFileSync('/etc/os-release', 'utf8'), new RegExp(`^ID="?${rows[0]?.['platform']}"?$`, 'm'));
  const uptime = await ask(
    'SELECT total_seconds, days * 86400 + hours * 3600 + minutes * 60 + seconds AS sum FROM uptime',
  );
  assert.equal(uptime.rows[0]?.['total_seconds'], uptime.rows[0]?.['sum']);
  const load = await ask('SELECT period FROM load_average');
  assert.deepEqual(load.rows, [{ period: '1m' }, { period: '5m' }, { period: '15m' }]);
});

test('file has rows for the paths and directories that a statement names, and for no others', async (t) => {
  const ask = await asking(t);
  const directory = temporaryDirectory(t);
  mkdirSync(join(directory, 'sub'));
  writeFileSync(join(directory, 'a.txt'), 'hello', { mode: 0o640 });
  writeFileSync(join(directory, 'sub', 'b.txt'), '');
  symlinkSync('a.txt', join(directory, 'link'));
  const one = await ask(
    `SELECT filename, directory, size, mode, type, symlink FROM file WHERE path = '${directory}/a.txt'`,
  );
  assert.deepEqual(one.rows, [
    { directory, filename: 'a.txt', mode: '0640', size: '5', symlink: '0', type: 'regular' },
  ]);
  const paths = async (where: string) =>
    (await ask(`SELECT path FROM file WHERE ${where} ORDER BY path`)).rows.map((row) => row['path']);
  assert.deepEqual(
    await paths(`directory = '${directory}'`),
    ['a.txt', 'link', 'sub'].map((name) => join(directory, name)),
  );
  assert.deepEqual(await paths(`path LIKE '${directory}/%.txt'`), [join(directory, 'a.txt')]);
  assert.deepEqual(await paths(`path IN ('${directory}/link', '/nonexistent')`), [join(directory, 'link')]);
  const link = await ask(`SELECT symlink, symlink_target_path FROM file WHERE path = '${directory}/link'`);
  assert.deepEqual(link.rows, [{ symlink: '1', symlink_target_path: 'a.txt' }]);
  const joined = await ask(
    "SELECT f.type FROM users u JOIN file f ON f.path = u.directory WHERE u.username = 'root'",
  );
  assert.deepEqual(joined.rows, [{ type: 'directory' }]);
  assert.equal(
    (await ask('SELECT * FROM file')).message,
    'Table file was queried without a required column in the WHERE clause',
  );
});
