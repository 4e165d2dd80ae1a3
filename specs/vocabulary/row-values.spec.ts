import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { count, integer, none, real, string } from '../../src/broker/data.ts';
import { COLUMN_TYPES, type ColumnType, type NullPolicy } from '../../src/vocabulary/model.ts';
import { isRowProblem, rowConverter } from '../../src/vocabulary/row-values.ts';

function convert(type: ColumnType, text: string, nullPolicy: NullPolicy = 'zero') {
  const result = rowConverter([{ name: 'x', type }], nullPolicy)({ x: text });
  return isRowProblem(result) ? result.text : result[0];
}

test('each column type becomes its Broker type, exactly', () => {
  assert.deepEqual(convert('TEXT', 'a\udcffb'), string('a\udcffb'));
  assert.deepEqual(convert('BLOB', '\u0000\udc80'), string('\u0000\udc80'));
  assert.deepEqual(convert('UNKNOWN', '1.50'), string('1.50'));
  assert.deepEqual(convert('INTEGER', '-1'), integer(-1));
  assert.deepEqual(convert('INTEGER', '2147483648'), integer(2147483648));
  assert.deepEqual(convert('BIGINT', '9007199254740993'), integer(9007199254740993n));
  assert.deepEqual(convert('BIGINT', '9223372036854775807'), integer(9223372036854775807n));
  assert.deepEqual(convert('BIGINT', '-9223372036854775808'), integer(-9223372036854775808n));
  assert.deepEqual(convert('UNSIGNED BIGINT', '18446744073709551615'), count(18446744073709551615n));
  assert.deepEqual(convert('DOUBLE', '0.1'), real(0.1));
  assert.deepEqual(convert('DOUBLE', '1'), real(1));
});

test('the ways in which osquery spells numbers are understood', () => {
  assert.deepEqual(convert('DOUBLE', '1e+20.0'), real(1e20));
  assert.deepEqual(convert('DOUBLE', 'inf.0'), real(Number.POSITIVE_INFINITY));
  assert.deepEqual(convert('DOUBLE', '-inf.0'), real(Number.NEGATIVE_INFINITY));
  assert.deepEqual(convert('DOUBLE', 'nan'), real(Number.NaN));
  assert.deepEqual(convert('BIGINT', '5.0'), integer(5));
});

test('a way that has no form for infinity and NaN has their rows reported, with the CAST that mends the query', () => {
  const convert = rowConverter([{ name: 'load', type: 'DOUBLE' }], 'zero', 'finite');
  assert.deepEqual(convert({ load: '1.5' }), [real(1.5)]);
  assert.deepEqual(convert({ load: '' }), [real(0)]);
  for (const value of ['inf.0', '-inf.0', 'nan']) {
    assert.deepEqual(convert({ load: value }), {
      problem: 'misfit',
      column: 'load',
      type: 'DOUBLE',
      value,
      text: `column "load" is "${value}", which JSON, used by WebSocket and NATS, can't represent; write CAST(… AS TEXT) AS load in the query and take a string in the Zeek event`,
    });
  }
});

test('NULL in a numeric column follows the policy, empty text is text', () => {
  for (const [type, zero] of [
    ['INTEGER', integer(0)],
    ['BIGINT', integer(0)],
    ['UNSIGNED BIGINT', count(0)],
    ['DOUBLE', real(0)],
  ] as const) {
    assert.deepEqual(convert(type, ''), zero);
    assert.deepEqual(convert(type, '', 'none'), none);
    assert.equal(
      convert(type, '', 'skip_row'),
      `column "x" (${type}) is NULL, and rows with NULL in a numeric column are skipped (null_policy: skip_row)`,
    );
  }
  for (const type of ['TEXT', 'BLOB', 'UNKNOWN'] as const)
    for (const policy of ['zero', 'none', 'skip_row'] as const)
      assert.deepEqual(convert(type, '', policy), string(''));
});

test('a value that its type cannot hold is reported with the CAST that mends the query', () => {
  const cases: readonly [ColumnType, string, string, string][] = [
    ['BIGINT', '2.5', 'DOUBLE', 'double'],
    ['BIGINT', '1e+20.0', 'DOUBLE', 'double'],
    ['INTEGER', 'root', 'TEXT', 'string'],
    ['BIGINT', '9223372036854775808', 'TEXT', 'string'],
    ['UNSIGNED BIGINT', '-1', 'BIGINT', 'int'],
    ['UNSIGNED BIGINT', '18446744073709551616', 'TEXT', 'string'],
    ['DOUBLE', '9007199254740993', 'BIGINT', 'int'],
    ['DOUBLE', 'many', 'TEXT', 'string'],
    ['INTEGER', '0x10', 'TEXT', 'string'],
    ['INTEGER', ' 1', 'TEXT', 'string'],
  ];
  for (const [type, value, cast, zeek] of cases)
    assert.equal(
      convert(type, value),
      `column "x" is ${type} in osquery, which can't hold the value "${value}"; write CAST(… AS ${cast}) AS x in the query and take a ${zeek} in the Zeek event`,
    );
});

test('a problem names the column, its type and its value', () => {
  assert.deepEqual(
    rowConverter([{ name: 'max(name)', type: 'BIGINT' }], 'zero')({ 'max(name)': 'z'.repeat(100) }),
    {
      problem: 'misfit',
      column: 'max(name)',
      type: 'BIGINT',
      value: `${'z'.repeat(80)}…`,
      text: `column "max(name)" is BIGINT in osquery, which can't hold the value "${'z'.repeat(80)}…"; write CAST(… AS TEXT) AS "max(name)" in the query and take a string in the Zeek event`,
    },
  );
});

test('values come in the order of the columns, each as often as the query names it', () => {
  const columns = [
    { name: 'pid', type: 'BIGINT' },
    { name: 'name', type: 'TEXT' },
    { name: 'pid', type: 'BIGINT' },
  ] as const;
  assert.deepEqual(rowConverter(columns, 'zero')({ name: 'sh', pid: '7', other: '1' }), [
    integer(7),
    string('sh'),
    integer(7),
  ]);
});

test('a row whose columns are not those of the query is none of its rows', () => {
  const convert = rowConverter(
    [
      { name: 'constructor', type: 'BIGINT' },
      { name: '__proto__', type: 'TEXT' },
    ],
    'zero',
  );
  assert.deepEqual(convert(JSON.parse('{"constructor":"7","__proto__":"a"}')), [integer(7n), string('a')]);
  const problem = (row: string) => {
    const result = convert(JSON.parse(row));
    return 'text' in result ? [result.problem, result.text] : [];
  };
  assert.deepEqual(problem('{}'), [
    'columns',
    'a row lacks constructor, __proto__: the columns of the query have changed',
  ]);
  assert.deepEqual(problem('{"constructor":"7","__proto__":"a","new":""}'), [
    'columns',
    'a row has new beside: the columns of the query have changed',
  ]);
  assert.deepEqual(problem('{"constructor":"7","new":""}'), [
    'columns',
    'a row lacks __proto__ and has new beside: the columns of the query have changed',
  ]);
});

test('whole numbers of 64 bits are never rounded, and nothing ever throws', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n }), (value) => {
      const fits = value >= -(2n ** 63n) && value < 2n ** 63n;
      const converted = convert('BIGINT', String(value));
      if (fits) assert.deepEqual(converted, integer(value));
      else assert.equal(typeof converted, 'string');
      const counted = convert('UNSIGNED BIGINT', String(value));
      if (value >= 0n && value < 2n ** 64n) assert.deepEqual(counted, count(value));
      else assert.equal(typeof counted, 'string');
    }),
  );
  fc.assert(
    fc.property(
      fc.constantFrom(...COLUMN_TYPES),
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.double().map(String),
        fc.constantFrom('', '-', '.', '1e', 'inf', '+5', '1.'),
      ),
      fc.constantFrom<NullPolicy>('zero', 'none', 'skip_row'),
      (type, text, policy) => {
        const result = convert(type, text, policy);
        if (typeof result === 'object' && result.type === 'integer')
          assert.equal(Number(text), Number(result.value));
      },
    ),
  );
});

test('doubles arrive as the doubles they are', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      fc.pre(!Object.is(value, -0)); // which String() writes as 0
      assert.deepEqual(convert('DOUBLE', String(value)), real(value));
    }),
    { examples: [[83_666_218_093_016_420]] },
  );
});
