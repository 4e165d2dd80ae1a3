import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { VocabularyId } from '../../src/vocabulary/model.ts';
import { columnNames } from '../../src/zeek-client/column-names.ts';
import { startBro } from '../support/bro.ts';
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
