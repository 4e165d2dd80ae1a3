import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createManagerClient } from '../../src/osquery/manager-client.ts';
import { startBro } from '../support/bro.ts';
import { HostProcesses } from '../support/host-processes.ts';

/** Columns change under a subscription: no row is sent with others than it was asked for with. With real processes. */

test('a view that gets other columns begins anew, and its Zeek is told', async (t) => {
  const bro = await startBro(t);
  const host = await HostProcesses.create({ bro: { bro_endpoint: bro.address, uid: 'h1' } });
  t.after(() => host.close());
  await host.startOsqueryd();
  host.startExtension();
  await bro.announced('h1');
  const client = createManagerClient({ path: host.socket });
  t.after(() => client.close());
  await client.query('CREATE VIEW v AS SELECT unix_time AS a, 1 AS b FROM time');
  const sql = 'SELECT * FROM v';
  const subscription = bro.subscribe(sql, { interval: 1, updateType: 'ADDED' });
  await bro.untilRows(2, subscription);
  await client.query('DROP VIEW v');
  await client.query("CREATE VIEW v AS SELECT unix_time AS a, 'x' AS c, 3 AS d FROM time");
  const told = await bro.until('notice', ({ text }) => text.includes('have changed'), 60_000);
  assert.match(
    told.text,
    /^the columns of this query have changed on this host; it restarts with {2}a INTEGER, c TEXT, d INTEGER/,
  );
  const before = bro.rows(subscription).length;
  await bro.untilRows(before + 2, subscription);
  const shapes = bro.rows(subscription).map(({ values }) => values.map(({ type }) => type).join());
  assert.deepEqual(
    shapes,
    shapes.map((_, at) => (at < before ? 'integer,integer' : 'integer,string,integer')),
  );
  await host.untilReported('its rows are accounted for', ({ delivery }) =>
    delivery.every(({ pending }) => pending === 0),
  );
});
