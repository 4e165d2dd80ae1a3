import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { columnsOf, inventedRow } from '../../src/simulation/invented-rows.ts';

const ROOT = join(import.meta.dirname, '../..');

test('the same number gives the same row, and another one another', () => {
  const columns = columnsOf('SELECT pid, name FROM processes');
  assert.deepEqual(inventedRow(columns, 'BOTH', 7, 100), inventedRow(columns, 'BOTH', 7, 100));
  assert.notDeepEqual(
    inventedRow(columns, 'BOTH', 7, 100).columns,
    inventedRow(columns, 'BOTH', 8, 100).columns,
  );
});

test('a query whose columns can not be told has one of text', () => {
  assert.deepEqual(columnsOf('SELECT * FROM processes'), [{ name: 'value', type: 'TEXT' }]);
});

test("the columns of the package's logging queries have the types that its events declare", () => {
  const files = globSync('zeek/osquery/logging/*.zeek', { cwd: ROOT }).filter(
    (file) => !file.includes('__load__'),
  );
  assert(files.length > 5);
  for (const file of files) {
    const text = readFileSync(join(ROOT, file), 'utf8');
    const sql = /\$query="([^"]+)"/.exec(text)?.[1] ?? '';
    const declared = /global row: event\(info: osquery::ResultInfo, ([^)]+)\)/.exec(text)?.[1] ?? '';
    const types = declared.split(/,\s+/).map((parameter) => parameter.split(': ')[1]);
    const invented = columnsOf(sql).map(({ type }) => (type === 'TEXT' ? 'string' : 'int'));
    assert.deepEqual(invented, types, file);
  }
});
