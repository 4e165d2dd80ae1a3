import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import type { NetworkInterfaceInfo } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { MACHINES } from '../../actors/machines.ts';
import { parseInspectAddress, reachableAddresses } from '../../src/cli/inspect/address.ts';
import { readToken } from '../../src/cli/inspect/options.ts';
import { inspectCommand } from '../../src/cli/inspect.ts';
import { surroundings } from '../support/cli-io.ts';
import { temporaryDirectory } from '../support/event-logs.ts';

const LAST_NIGHT = join(import.meta.dirname, '../../fixtures/event-log/last-night');

test('a statechart is drawn as SVG and as Mermaid text', async (t) => {
  const directory = await temporaryDirectory(t);
  const { io } = surroundings();
  for (const file of ['peer.svg', 'peer.md']) {
    await inspectCommand(io).parseAsync(['--export', join(directory, file)], { from: 'user' });
  }
  assert.match(
    await readFile(join(directory, 'peer.svg'), 'utf8'),
    /^<svg [\s\S]*backingOff[\s\S]*<\/svg>\n$/,
  );
  assert.match(await readFile(join(directory, 'peer.md'), 'utf8'), /^# bro-peer\n[\s\S]*stateDiagram-v2/);
});

test('statecharts of all machines are drawn at once, into a directory or one text', async (t) => {
  const directory = await temporaryDirectory(t);
  const { io, complained } = surroundings();
  const folder = join(directory, 'charts');
  await inspectCommand(io).parseAsync(['--export', folder, '--machine', 'all'], { from: 'user' });
  const names = [...MACHINES.keys()];
  assert.deepEqual((await readdir(folder)).sort(), names.map((name) => `${name}.svg`).sort());
  assert.match(complained(), /charts\/backfill\.svg: the statechart of backfill\n/);
  await inspectCommand(io).parseAsync(['--export', `${folder}.md`, '--machine', 'all'], { from: 'user' });
  const heads = (await readFile(`${folder}.md`, 'utf8')).match(/^# .*$/gm);
  assert.deepEqual(
    heads,
    names.map((name) => `# ${name}`),
  );
});

test('the page is served until the user has had enough; elsewhere than on loopback with a token', async () => {
  const interrupt = new AbortController();
  const { io, printed } = surroundings({ interrupted: interrupt.signal });
  const running = inspectCommand(io).parseAsync([LAST_NIGHT, '--listen', '0.0.0.0:0'], { from: 'user' });
  await once(io.out, 'data');
  const [line = ''] = printed().split('\n');
  assert.match(line, /^http:\/\/\d+\.\d+\.\d+\.\d+:\d+\/#token=feedbeef-0000-4000-8000-000000000002$/);
  assert.notEqual(new URL(line).hostname, '0.0.0.0');
  assert.equal((await fetch(line)).status, 200);
  interrupt.abort();
  await running;
});

test('a running extension that is not there is said in the terminal at once', async (t) => {
  const interrupt = new AbortController();
  const { io, complained } = surroundings({ interrupted: interrupt.signal });
  const dead = join(await temporaryDirectory(t), 'nobody.sock');
  const running = inspectCommand(io).parseAsync(['--live', dead], { from: 'user' });
  await once(io.out, 'data');
  assert.match(complained(), /^Can't reach the extension at .*nobody\.sock.*ENOENT/);
  interrupt.abort();
  await running;
});

test('the wildcard address stands for all addresses of the machine', () => {
  const one = (address: string, family: 'IPv4' | 'IPv6', internal = false) => ({
    ...{ address, family, internal, netmask: '', mac: '', cidr: null },
    ...(family === 'IPv6' && { scopeid: 0 }),
  });
  const interfaces = {
    lo: [one('127.0.0.1', 'IPv4', true), one('::1', 'IPv6', true)],
    eth0: [one('192.0.2.7', 'IPv4'), one('2001:db8::7', 'IPv6'), one('fe80::7', 'IPv6')],
  } as NodeJS.Dict<NetworkInterfaceInfo[]>;
  assert.deepEqual(reachableAddresses('http://0.0.0.0:99/', interfaces), ['http://192.0.2.7:99/']);
  assert.deepEqual(reachableAddresses('http://[::]:99/', interfaces), [
    'http://192.0.2.7:99/',
    'http://[2001:db8::7]:99/',
  ]);
  assert.deepEqual(reachableAddresses('http://0.0.0.0:99/', { lo: interfaces['lo'] }), [
    'http://127.0.0.1:99/',
  ]);
  assert.deepEqual(reachableAddresses('http://[::1]:99/', interfaces), ['http://[::1]:99/']);
  assert.deepEqual(reachableAddresses('/run/inspect.sock', interfaces), ['/run/inspect.sock']);
});

test('a path that is not needed, or holds neither log nor trace, is refused', async (t) => {
  const fails = async (...args: readonly string[]) => {
    const { io, complained, printed } = surroundings();
    const command = inspectCommand(io)
      .exitOverride()
      .configureOutput({ writeErr: (text) => io.err.write(text) });
    await assert.rejects(command.parseAsync(args, { from: 'user' }));
    assert.equal(printed(), '');
    return complained();
  };
  const directory = await temporaryDirectory(t);
  const file = join(directory, 'README.md');
  await writeFile(file, '# A text\n');
  assert.match(
    await fails(file),
    /^error: cannot show .*README\.md: it is neither a segment of an event log nor a trace: the record's checksum/,
  );
  await writeFile(file, '');
  assert.match(await fails(file), /^error: cannot show .*README\.md: the file is empty\n$/);
  assert.equal(await fails('--sandbox', directory), `error: --sandbox takes no path: remove ${directory}\n`);
  assert.equal(
    await fails('--export', join(directory, 'x.svg'), directory),
    `error: --export takes no path: remove ${directory}\n`,
  );
  assert.match(await fails('--export', 'x.txt'), /can be drawn into a file whose name ends in \.svg or \.md/);
  assert.match(
    await fails('--export', 'x.svg', '--machine', 'all'),
    /x\.svg holds one statechart: name a dir/,
  );
});

test('rows can be shown of a state directory with its journal alone', async () => {
  const { io, complained } = surroundings();
  const command = inspectCommand(io)
    .exitOverride()
    .configureOutput({ writeErr: (text) => io.err.write(text) });
  await assert.rejects(command.parseAsync([LAST_NIGHT, '--show-rows'], { from: 'user' }));
  assert.match(complained(), /^error: cannot show .*last-night: .* has no journal: name a state directory/);
});

test('addresses are a port, a host with a port, or the path of a socket', () => {
  assert.deepEqual(parseInspectAddress('9909'), {
    listen: { host: '127.0.0.1', port: 9909 },
    isLocal: true,
    socketUrl: 'ws://127.0.0.1:9909/socket',
  });
  assert.deepEqual(parseInspectAddress('[::1]:1')?.listen, { host: '::1', port: 1 });
  assert.deepEqual(parseInspectAddress('./look.sock')?.socketUrl, 'ws+unix:./look.sock:/socket');
  assert.deepEqual(
    ['localhost:1', '127.0.0.2:1', '0.0.0.0:1', '[::]:1', 'sensor.example:1'].map(
      (text) => parseInspectAddress(text)?.isLocal,
    ),
    [true, true, false, false, false],
  );
  assert.deepEqual(['', 'host', '1:2:3', 'host:99999', ':1'].map(parseInspectAddress), [
    null,
    null,
    null,
    null,
    null,
  ]);
});

test('a token that is no secret is none', async (t) => {
  const file = join(await temporaryDirectory(t), 'token');
  await writeFile(file, 'short\n');
  await assert.rejects(readToken(file), /16 to 256 characters/);
  await writeFile(file, '0123456789abcdef\n');
  assert.equal(await readToken(file), '0123456789abcdef');
});
