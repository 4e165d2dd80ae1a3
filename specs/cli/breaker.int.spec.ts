import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { startBro } from '../support/bro.ts';
import { eventually } from '../support/eventually.ts';
import { HostProcesses } from '../support/host-processes.ts';

/** A query that ends osqueryd is left out of its schedule, and everything else goes on: with real processes. */

/** An infinity that only comes of the rows: osqueryd ends with 78 at the second run of a differential query. */
const INFINITE = 'SELECT avg(x) AS a FROM (SELECT 1.7e308 AS x UNION ALL SELECT 1.6e308)';

async function supervised(
  t: TestContext,
  bro: { readonly address: string },
  osquerydFlags: readonly string[] = [],
) {
  const host = await HostProcesses.create({ bro: { bro_endpoint: bro.address, uid: 'h1' } });
  t.after(() => host.close());
  return { host, ...host.supervise(osquerydFlags) };
}

describe('A query that ends osqueryd', { concurrency: 2 }, () => {
  test('twice is left out, its Zeek is told, and the others go on', async (t) => {
    const bro = await startBro(t);
    const { host, deaths } = await supervised(t, bro);
    const clock = bro.subscribe('SELECT unix_time FROM time', { interval: 1, updateType: 'ADDED' });
    await bro.untilRows(1, clock, 60_000);
    const infinite = bro.subscribe(INFINITE, { interval: 1 });
    const told = await bro.until('notice', ({ text }) => text.includes('exited twice'), 120_000);
    assert.match(
      told.text,
      /^osqueryd on this host exited twice while it ran this query; the query is suspended until \S+Z, or until it is unsubscribed and subscribed again/,
    );
    assert.deepEqual(deaths, [78, 78]);
    const rows = bro.rows(clock).length;
    await bro.untilRows(rows + 4, clock, 60_000);
    assert.deepEqual(deaths, [78, 78]);

    // Asked anew it is tried once more, and once is enough now.
    bro.unsubscribe(infinite);
    await bro.untilRows(bro.rows(clock).length + 1, clock, 60_000);
    const notices = bro.of('notice').length;
    bro.subscribe(INFINITE, { interval: 1 });
    await eventually('osqueryd has ended once more', () => deaths.length === 3, 60_000);
    await eventually('its Zeek has been told again', () => bro.of('notice').length > notices, 60_000);
    const later = bro.rows(clock).length;
    await bro.untilRows(later + 4, clock, 60_000);
    assert.deepEqual(deaths, [78, 78, 78]);
    await host.untilReported('one is left out', ({ subscriptions }) =>
      subscriptions.some(({ sql, trouble }) => sql === INFINITE && trouble !== ''),
    );
  });

  test('is found by halves where osqueryd has no log of its own', async (t) => {
    const bro = await startBro(t);
    const { deaths } = await supervised(t, bro, ['--logger_plugin=bro']);
    // The suspect that runs first, so that nobody has to wait until others are cleared.
    bro.subscribe(INFINITE, { interval: 1 });
    const clock = bro.subscribe('SELECT unix_time FROM time', { interval: 1, updateType: 'ADDED' });
    await bro.until(
      'notice',
      ({ text }) => text.includes('exited twice') && text.includes(INFINITE),
      240_000,
    );
    const ended = deaths.length;
    // One fewer where osqueryd does not tell its end: then nobody can have restarted it.
    assert.ok(ended === 3 || ended === 4, `${ended} deaths`);
    await bro.untilRows(bro.rows(clock).length + 3, clock, 60_000);
    assert.equal(deaths.length, ended);
  });
});
