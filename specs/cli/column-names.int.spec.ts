import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { VocabularyId } from '../../src/vocabulary/model.ts';
import { columnNames } from '../../src/zeek-client/column-names.ts';
import { startBro } from '../support/bro.ts';
import { HostProcesses } from '../support/host-processes.ts';
import { place } from '../support/place.ts';

/** A stand-in osqueryd, the extension, and Bros of several vocabularies that print rows. */

const ASKED: readonly VocabularyId[] = ['bro-2017-01', 'zeek-osquery', 'zeek-agent-2'];

test('whoever asks for them is told the names of a result before its first row, in any vocabulary', async (t) => {
  const bros = await Promise.all(ASKED.map((vocabulary) => startBro(t, { vocabulary })));
  const { startExtension } = await place(t, { endpoints: bros.map(({ address }) => address), uid: 'h1' });
  startExtension();
  await Promise.all(
    bros.map(async (bro, index) => {
      await bro.announced('h1');
      const star = bro.subscribe("SELECT * FROM users WHERE username = 'root'", { interval: 1 });
      const counted = bro.execute('SELECT count(*), max(uid) most FROM users', { updateType: 'SNAPSHOT' });
      await bro.untilRows(1, star);
      await bro.untilRows(1, counted);
      for (const query of [star, counted]) {
        const isNamed = bro.news.findIndex((news) => news.type === 'columns' && news.event === query.event);
        const isThere = bro.news.findIndex((news) => news.type === 'row' && news.row.query === query);
        assert(isNamed >= 0 && isNamed < isThere, `${ASKED[index]}: ${isNamed} and ${isThere}`);
        const named = bro.news[isNamed];
        assert(named?.type === 'columns');
        const names = columnNames(ASKED[index] ?? 'zeek-osquery', '', named.names);
        assert.equal(names?.length, bro.rows(query)[0]?.values.length);
        if (query === counted) assert.deepEqual(named.names, ['count(*)', 'most']);
        else assert(named.names.includes('username') && named.names.includes('shell'));
      }
      // Once over a connection, not with each result.
      assert.equal(bro.of('columns').length, 2);
    }),
  );
});

/** Names that a way through JSON, maps or SQL might change. */
const NAMES = [
  'A b',
  'a"b',
  'é',
  'a ',
  'A',
  '1',
  'constructor',
  'a\tb',
  'a\\x41',
  "a'b",
  'a\nb',
  '😀',
  'name',
  '{',
  'null',
];

test('a column keeps its name whatever it is, and names that osquery takes for one are refused', async (t) => {
  const [bro, agent] = await Promise.all([startBro(t), startBro(t, { vocabulary: 'zeek-agent-2' })]);
  const bros = [bro, agent];
  const endpoints = bros.map(({ address }) => address);
  const host = await HostProcesses.create({ bro: { endpoints, uid: 'h1' } });
  t.after(() => host.close());
  await host.startOsqueryd([]);
  host.startExtension();
  await Promise.all(bros.map(({ announced }) => announced('h1')));
  const named = NAMES.map((name) => {
    const sql = `SELECT 5 AS "${name.replaceAll('"', '""')}", 6 AS z`;
    const ways = [
      bro.subscribe(sql, { interval: 1, updateType: 'ADDED' }),
      bro.subscribe(sql, { interval: 1, updateType: 'SNAPSHOT' }),
      bro.execute(sql),
    ];
    return { name, ways };
  });
  for (const { name, ways } of named) {
    for (const way of ways) {
      const [row] = await bro.untilRows(1, way, 60_000);
      assert.deepEqual(
        row?.values.map((value) => 'value' in value && value.value),
        [5n, 6n],
        name,
      );
      const { names } = await bro.until('columns', ({ event }) => event === way.event);
      assert.deepEqual(names, [name, 'z']);
    }
  }
  const refused =
    'SELECT u.uid, u.username, p.username, 1 AS __PROTO__ FROM users u JOIN users p USING (uid)';
  for (const one of bros) {
    one.subscribe(refused, { interval: 1 });
    one.execute(refused, { updateType: 'SNAPSHOT' });
    const isIt = ({ text }: { readonly text: string }) => /columns 2 and 3 .* AS username_2/.test(text);
    await one.untilHolds(() => one.of('notice').filter(isIt).length === 2, 'both are refused', 60_000);
  }
});
