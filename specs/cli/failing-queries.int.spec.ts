import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { startBro } from '../support/bro.ts';
import { HostProcesses } from '../support/host-processes.ts';

/** A scheduled query that fails at each run is told, whatever loggers osqueryd has: with real processes. */

async function hostOf(t: TestContext, address: string, bro: object, flags: readonly string[]) {
  const host = await HostProcesses.create({ bro: { bro_endpoint: address, uid: 'h1', ...bro } });
  t.after(() => host.close());
  await host.startOsqueryd(flags);
  host.startExtension();
  return host;
}

describe('What osqueryd says of queries', { concurrency: 3 }, () => {
  for (const loggers of ['bro,filesystem', 'bro']) {
    test(`a query that fails at each run is reported once, and when it works again, with the loggers ${loggers}`, async (t) => {
      const bro = await startBro(t);
      const host = await hostOf(t, bro.address, {}, [`--logger_plugin=${loggers}`]);
      const flag = join(host.directory, 'flag');
      const json = `CASE (SELECT count(*) FROM file WHERE path = '${flag}') WHEN 0 THEN '{' ELSE '{"a":1}' END`;
      bro.subscribe(`SELECT json_extract(${json}, '$.a') AS a`, { interval: 1 });
      const clock = bro.subscribe('SELECT unix_time FROM time', { interval: 1, updateType: 'ADDED' });
      const told = await bro.until('notice', ({ text }) => text.includes("can't run"), 60_000);
      assert.equal(told.level, 'error');
      assert.match(told.text, /^osquery can't run this query: malformed JSON/);
      await host.untilReported('it is in trouble', ({ subscriptions }) =>
        subscriptions.some(({ trouble }) => trouble === "osquery can't run it: malformed JSON"),
      );
      // It fails at each run, and is told once.
      await bro.untilRows(bro.rows(clock).length + 5, clock, 60_000);
      assert.equal(bro.of('notice').filter(({ text }) => text.includes("can't run")).length, 1);
      await writeFile(flag, '');
      const well = await bro.until('notice', ({ text }) => text.includes('without failing'), 90_000);
      assert.match(well.text, /^osquery runs this query again, without failing/);
      await host.untilReported('it is in trouble no more', ({ subscriptions }) =>
        subscriptions.every(({ trouble }) => trouble === ''),
      );
    });
  }

  test('what osqueryd says of itself is forwarded from its own log where it does not come in calls', async (t) => {
    const bro = await startBro(t);
    await hostOf(t, bro.address, { forward_status: 'error' }, ['--logger_plugin=bro,filesystem']);
    bro.subscribe("SELECT json_extract('{', '$.a') AS a", { interval: 1 });
    const told = await bro.until('notice', ({ text }) => text.startsWith('osquery: '), 60_000);
    assert.match(
      told.text,
      /^osquery: Error executing scheduled query bro_\S+: malformed JSON \(scheduler\.cpp:\d+\)/,
    );
  });
});
