import assert from 'node:assert/strict';
import { posix, win32 } from 'node:path';
import { test } from 'node:test';
import { whyNotAutoload } from '../../src/osquery/autoload-store.ts';
import { osqueryLayout } from '../../src/osquery/layout.ts';
import { checkSocketPath, extensionSocketPath } from '../../src/osquery/socket-path.ts';
import { isPipe } from '../../src/text/local-socket.ts';

test('each system has its own places, each of them absolute', () => {
  for (const [platform, path] of [
    ['linux', posix],
    ['darwin', posix],
    ['win32', win32],
  ] as const) {
    const { flagfile, config, autoload, extension, state, setup, logs } = osqueryLayout(platform);
    const places = [flagfile, config, autoload, extension, state, setup, logs];
    assert.ok(places.every((one) => path.isAbsolute(one)));
    assert.equal(new Set(places).size, places.length);
    assert.ok(extension.endsWith(platform === 'win32' ? '.ext.exe' : '.ext'));
  }
  assert.equal(osqueryLayout('freebsd'), osqueryLayout('linux'));
});

test("on Windows osqueryd's socket and ours are pipes, whose names may be longer than a Unix socket's", () => {
  const { socket } = osqueryLayout('win32');
  assert.ok(isPipe(socket));
  assert.equal(extensionSocketPath(socket, 12345), '\\\\.\\pipe\\osquery.em.12345');
  checkSocketPath(`\\\\.\\pipe\\${'x'.repeat(150)}`);
  assert.throws(() => checkSocketPath(`/tmp/${'x'.repeat(150)}`), /shorter --extensions_socket/);
});

test('what osqueryd loads ends in .ext.exe on Windows, where files have no modes', () => {
  assert.equal(whyNotAutoload(process.execPath, 'win32'), "not ending in one of '.ext.exe'");
});
