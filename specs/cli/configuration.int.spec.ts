import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startBro } from '../support/bro.ts';
import { place, until } from '../support/place.ts';

/** A configuration that goes bad, away or another way, with real processes. */

const USERS = "SELECT uid, username FROM users WHERE username = 'root'";

test('a host whose configuration was broken before a restart goes on with the last good one', async (t) => {
  const bro = await startBro(t);
  const { startExtension, configure } = await place(t, { bro_endpoint: bro.address, uid: 'h1' });
  const first = startExtension();
  await bro.announced('h1');
  first.child.kill('SIGKILL');
  await first.ended;
  await bro.until('disconnected');
  await configure({ bro_endpoint: bro.address, uid: 'h1', groups: 'servers' });
  const { log } = startExtension();
  await bro.untilHolds(() => bro.of('announced').length >= 2, 'another announcement');
  assert.match(log(), /bro\.groups: expected a list or a map of group names, got \\"servers\\"/);
  assert.match(log(), /the last good configuration \(osquery's config plugin filesystem, .*\) is in effect/);
});

test('a configuration that is away for a while takes nothing from the Zeeks', async (t) => {
  const bro = await startBro(t);
  const config = { bro_endpoint: bro.address, uid: 'h1' };
  const { startExtension, configure, directory, untilScheduled } = await place(t, config);
  const { child, log } = startExtension();
  await bro.announced('h1');
  bro.subscribe(USERS, { interval: 1 });
  await untilScheduled(USERS);
  rmSync(join(directory, 'osquery.conf'));
  child.kill('SIGHUP');
  await until('it says so', () => log().includes('returned no configuration: config file does not exist: '));
  await configure({ ...config, groups: ['back'] });
  child.kill('SIGHUP');
  await bro.until('announced', ({ host }) => host.groups?.includes('back') === true);
  assert.deepEqual(bro.of('disconnected'), []);
  await untilScheduled(USERS);
});

test("a change of a connection's settings reconnects it at once", async (t) => {
  const bro = await startBro(t);
  const config = { bro_endpoint: bro.address, uid: 'h1' };
  const { startExtension, configure } = await place(t, config);
  const { child } = startExtension();
  await bro.announced('h1');
  await configure({ ...config, vocabularies: ['zeek-osquery'] });
  child.kill('SIGHUP');
  await bro.until('disconnected');
  await bro.untilHolds(() => bro.of('announced').length >= 2, 'another announcement');
});
