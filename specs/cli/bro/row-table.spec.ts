import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Data } from '../../../src/broker/data.ts';
import { RowTable } from '../../../src/cli/bro/row-table.ts';
import { painterFor, plain } from '../../../src/cli/colour.ts';
import type { BroQuery, ReceivedRow } from '../../../src/zeek-client/model.ts';

const integer = (value: bigint): Data => ({ type: 'integer', value });
const text = (value: string): Data => ({ type: 'string', value });

function row(sql: string, change: ReceivedRow['change'], ...values: readonly Data[]): ReceivedRow {
  return {
    ...{ host: 'web-1', event: 'e', change, initial: false, cookie: '', values },
    ...{ hostTime: undefined, sequence: undefined },
    query: { sql } as BroQuery,
  };
}

const table = (columns = 80) => new RowTable(() => columns, plain);

describe('Rows on a terminal', () => {
  test('have a heading with the names of their columns, once a query, and a sign for what they mean', () => {
    const rows = table();
    assert.deepEqual(rows.take(row('a', 'ADDED', integer(7n), text('bash')), ['pid', 'name']), [
      '  host   pid  name',
      '+ web-1  7    bash',
    ]);
    assert.deepEqual(rows.take(row('a', 'REMOVED', integer(12345n), text('ls')), ['pid', 'name']), [
      '- web-1  12345  ls',
    ]);
    assert.deepEqual(rows.take(row('a', 'SNAPSHOT', integer(8n), text('x')), ['pid', 'name']), [
      '= web-1  8      x',
    ]);
    assert.deepEqual(rows.take(row('b', 'ADDED', { type: 'real', value: 1 }, { type: 'none' }), undefined), [
      '',
      '  host   (1)  (2)',
      '+ web-1  1.0  -',
    ]);
  });

  test('are cut where the terminal ends, wide columns before that', () => {
    const rows = table(40);
    const [head, line] = rows.take(row('a', 'ADDED', text('x'.repeat(50)), text('end')), ['long', 'name']);
    assert.equal(line, `+ web-1  ${'x'.repeat(30)}…`);
    assert.equal(head?.length, 40);
    const wide = table(80).take(row('a', 'ADDED', text('x'.repeat(50)), text('end')), ['long', 'name']);
    assert.equal(wide[1], `+ web-1  ${'x'.repeat(39)}…  end`);
  });

  test('can not move the cursor nor change colours, whatever a host sends', () => {
    const [head = '', line = ''] = table().take(row('a', 'ADDED', text('\u001b[31mred\n\u202e')), [
      '\u0007bell',
    ]);
    assert.equal(`${head}\n${line}`, '  host   \\x07bell\n+ web-1  \\x1b[31mred\\x0a\\u{202e}');
  });

  test('have colours on a terminal alone, and none where NO_COLOR is set', () => {
    const green = '\u001b[32mx\u001b[39m';
    assert.equal(painterFor({ isTTY: true }, {})('good', 'x'), green);
    assert.equal(painterFor({ isTTY: true }, { NO_COLOR: '' })('good', 'x'), green);
    assert.equal(painterFor({ isTTY: true }, { NO_COLOR: '1' })('good', 'x'), 'x');
    assert.equal(painterFor({ isTTY: true }, { TERM: 'dumb' })('good', 'x'), 'x');
    assert.equal(painterFor({}, {})('good', 'x'), 'x');
  });
});
