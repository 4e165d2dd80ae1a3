import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSavedQuery, queryFolders } from '../../../src/cli/query/saved-queries.ts';

test('a head of comments has options and a description', () => {
  const text =
    '-- Listening ports\n--   of servers\n-- group: servers\n-- group: web\n-- timeout: 5\n\nSELECT 1 -- one\n;\n';
  assert.deepEqual(parseSavedQuery('ports', 'ports.sql', text), {
    ...{
      name: 'ports',
      file: 'ports.sql',
      description: 'Listening ports   of servers',
      sql: 'SELECT 1 -- one\n',
    },
    options: { group: ['servers', 'web'], timeout: ['5'] },
  });
});

test('a file without a query is none', () => {
  assert.throws(() => parseSavedQuery('a', 'a.sql', '-- nothing\n'), {
    message: 'a.sql has no query below its comments',
  });
});

test('saved queries are looked for where one says', () => {
  assert.deepEqual(queryFolders('q', {}), ['q']);
  assert.deepEqual(queryFolders(undefined, { BRO_OSQUERY_QUERIES: '/q' }), ['/q']);
  assert.deepEqual(queryFolders(undefined, { XDG_CONFIG_HOME: '/c' }), ['queries', '/c/bro-osquery/queries']);
});
