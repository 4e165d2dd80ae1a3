import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeData } from '../../src/broker/binary.ts';
import { ByteWriter } from '../../src/broker/byte-writer.ts';
import { EventFrames } from '../../src/broker/event-frames.ts';
import { eventToData, type ZeekEvent } from '../../src/broker/zeek-event.ts';
import { RowWriter } from '../../src/delivery/row-writer.ts';
import { isMalformed, type LogItem } from '../../src/osquery/log-item.ts';
import { LogReader } from '../../src/osquery/log-reader.ts';
import { encodeText } from '../../src/text/byte-text.ts';
import {
  type Column,
  type NullPolicy,
  type Query,
  type Reals,
  VOCABULARY_IDS,
} from '../../src/vocabulary/model.ts';
import type { RowShape } from '../../src/vocabulary/row-shape.ts';
import { createVocabularies } from '../../src/vocabulary/vocabularies.ts';
import type { RowEncoder } from '../../src/vocabulary/vocabulary.ts';
import { naiveEncode } from '../support/naive-broker.ts';
import { sampleHost } from '../support/sample-host.ts';

const QUERY: Query = {
  ...{ vocabulary: 'zeek-osquery', event: 'ev', sql: 'SELECT 1', cookie: 'c', responseTopic: '/rows' },
  ...{ updateType: 'BOTH', initialRows: true, queryId: 'id', zeekInstance: '' },
};
const vocabularies = createVocabularies({ enabled: VOCABULARY_IDS });

interface Case {
  readonly vocabulary: (typeof VOCABULARY_IDS)[number];
  readonly columns: readonly Column[];
  readonly nullPolicy: NullPolicy;
  readonly reals: Reals;
}

function encoderOf({
  vocabulary,
  columns,
  nullPolicy,
  reals,
}: Case): RowEncoder & { readonly shape: RowShape } {
  const encode = vocabularies
    .get(vocabulary)
    ?.rowEncoder(QUERY, columns, sampleHost(), { nullPolicy, reals });
  if (!encode?.shape) throw new Error('no shape');
  return Object.assign(encode, { shape: encode.shape });
}

/** Writes the rows of a line one behind the other, and holds each against what the encoder and a plain codec make of it. */
function compare(encode: RowEncoder & { readonly shape: RowShape }, item: LogItem): number {
  const writer = RowWriter.of(encode.shape);
  const out = new ByteWriter(16);
  const before: Buffer[] = [];
  let written = 0;
  for (let index = 0; index < item.rowCount; index += 1) {
    const sequence = 2 ** 52 + index * 77_777;
    const change = item.changeOf(index);
    const circumstances = { change, initial: index % 2 === 0, unixTime: item.unixTime + (index >> 1) };
    assert.ok(item.json);
    const event = writer?.write(out, item.json, index, { ...circumstances, sequence });
    if (!event) {
      assert.deepEqual(out.take(), new Uint8Array(Buffer.concat(before)));
      continue;
    }
    written += 1;
    const row = item.row(index);
    assert.ok(!isMalformed(row), `written, but ${JSON.stringify(row)}`);
    const plain = encode({ ...circumstances, columns: row.columns, sequence });
    assert.ok('event' in plain, 'written, though the encoder has a problem with it');
    const bytes = event.bytes.subarray(event.start, event.end);
    assert.equal(bytes.toString('hex'), naiveEncode(eventToData(plain.event)).toString('hex'));
    assert.deepEqual(eventToData(event), decodeData(bytes));
    assert.equal(writer?.topic, plain.topic);
    before.push(Buffer.from(bytes));
  }
  return written;
}

function itemOf(
  rows: { readonly removed: readonly Uint8Array[]; readonly added: readonly Uint8Array[] },
  form: 'batch' | 'snapshot',
): LogItem {
  const list = (all: readonly Uint8Array[]) =>
    all.flatMap((row, at) => (at > 0 ? [Buffer.from(','), row] : [row]));
  const head = '"name":"q","hostIdentifier":"h","unixTime":1795867200,"epoch":0,"counter":1';
  const payload =
    form === 'snapshot'
      ? [Buffer.from('{"snapshot":['), ...list(rows.added), Buffer.from(`],"action":"snapshot",${head}}`)]
      : [
          ...[Buffer.from('{"diffResults":{"removed":['), ...list(rows.removed), Buffer.from('],"added":[')],
          ...[...list(rows.added), Buffer.from(`]},${head}}`)],
        ];
  const reader = new LogReader(Buffer.concat(payload), 'lines');
  reader.advance();
  const [item] = reader.items;
  if (!item || isMalformed(item)) throw new Error(`malformed: ${item?.problem} in ${Buffer.concat(payload)}`);
  return item;
}

const NUMBERS = [
  ...[
    '0',
    '-0',
    '1',
    '-1',
    '+5',
    '007',
    '1.0',
    '-1.0',
    '2.50',
    '.5',
    '5.',
    '-',
    '--1',
    '1e5',
    '1e+20.0',
    'inf.0',
    '-inf.0',
    'nan',
  ],
  ...['4294967295', '4294967296', '-4294967296', '-4294967297', '2147483648', '-2147483648', '-2147483649'],
  ...['999999999999999', '-999999999999999', '1000000000000000', '9007199254740993', '123456789012345.0'],
  ...['9223372036854775807', '9223372036854775808', '-9223372036854775808', '-9223372036854775809'],
  ...[
    '18446744073709551615',
    '18446744073709551616',
    '0.1',
    '0.30000000000000004',
    '1.79769313486232e+308',
    '1234567.12345678',
  ],
  ...['-0.0', '0.000000000000001', '00000000000000000000001', '1.2.3', '12 ', ' 12', '1,2', '0x10', '１'],
];
const number = fc.oneof(
  fc.constantFrom(...NUMBERS),
  fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n }).map(String),
  fc.integer().map(String),
  fc.double().map(String),
  fc.tuple(fc.integer(), fc.nat(999_999)).map(([whole, fraction]) => `${whole}.${fraction}`),
);
const awkward = fc.constantFrom(
  ...[
    '\\x0A',
    '\\x0a',
    '\\x8',
    '\\\\x9F',
    '\\x1Fx',
    '\\xE4\\xB8',
    '\\x41',
    'C:\\x0A\\xFF\\x80',
    '\\',
    '\\\\x0A',
    '"',
    '/',
    '\t\n\r\b\f',
    '\u0000',
    '\u001f',
    '\u2028',
    'é',
    '𝄞',
    '\udc80',
    '\udcc3\udca9',
    '\ud83d',
    '\u007f',
  ],
  ...[
    '192.0.2.1',
    '::1',
    '[]',
    '["a","b"]',
    '["1",null]',
    'x'.repeat(127),
    'y'.repeat(128),
    'z'.repeat(20_000),
    'é'.repeat(70),
  ],
);
const text = fc.oneof(
  number,
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.array(fc.oneof(awkward, fc.string({ maxLength: 8 })), { maxLength: 4 }).map((parts) => parts.join('')),
  fc.constant(''),
);

/** A cell as it may stand in JSON: as a string, with more escapes than needed, or as a number. */
const written = fc.tuple(text, fc.nat(20)).map(([value, how]): Uint8Array => {
  if (how === 0 && /^-?\d/.test(value) && !/[^\d.eE+-]/.test(value)) return Buffer.from(value);
  if (how === 1)
    return encodeText(
      JSON.stringify(value).replaceAll(/[a-m]/g, (letter) => `\\u00${letter.charCodeAt(0).toString(16)}`),
    );
  if (how === 2) return encodeText(JSON.stringify(value).replaceAll('/', '\\/'));
  // What is no UTF-8 stands there as it is.
  return encodeText(
    JSON.stringify(value).replaceAll(/\\u(dc[89a-f][0-9a-f])/g, (_, hex) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    ),
  );
});

const name = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom('pid', 'name', 'path', 'cmdline', 'uid', 'a b') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '__proto__',
      'constructor',
      '1',
      '0',
      'größe',
      'x"y',
      'back\\slash',
      '',
      'tab\t',
    ),
  },
);
const column: fc.Arbitrary<Column> = fc.record(
  {
    name,
    type: fc.constantFrom(
      'TEXT',
      'TEXT',
      'TEXT',
      'INTEGER',
      'BIGINT',
      'UNSIGNED BIGINT',
      'DOUBLE',
      'BLOB',
      'UNKNOWN',
    ),
    zeek: fc.constantFrom<NonNullable<Column['zeek']>>(
      'addr',
      'bool',
      'count',
      'double',
      'int',
      'interval',
      'string',
      'time',
      { set: 'string' },
    ),
    emptyIsUnset: fc.boolean(),
  },
  { requiredKeys: ['name', 'type'] },
);
const columns = fc.oneof(
  { weight: 9, arbitrary: fc.uniqueArray(column, { selector: (one) => one.name, maxLength: 6 }) },
  { weight: 1, arbitrary: fc.array(column, { maxLength: 4 }) },
);

/** Rows of such columns, in one order as a rule; some have others, or the same twice. */
const rowsOf = (all: readonly Column[]) => {
  const order = fc.shuffledSubarray(
    all.map((_, at) => at),
    { minLength: all.length },
  );
  const strange = fc.array(fc.nat(Math.max(0, all.length - 1)), { maxLength: all.length + 1 });
  const row = (usual: readonly number[]) =>
    fc
      .tuple(
        fc.nat(12),
        fc.oneof({ weight: 8, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: strange }),
        fc.array(written, { minLength: 8, maxLength: 8 }),
      )
      .map(([how, places, cells]) => {
        const members = places.flatMap((place, at) => {
          const column = all[place];
          const cell = cells[at % cells.length];
          if (!column || !cell) return [];
          const comma = at > 0 ? (how === 0 ? ' , ' : ',') : '';
          return [Buffer.from(`${comma}${JSON.stringify(column.name)}:`), cell];
        });
        return Buffer.concat([Buffer.from('{'), ...members, Buffer.from('}')]);
      });
  return order.chain((usual) =>
    fc.record({
      removed: fc.array(row(usual), { maxLength: 2 }),
      added: fc.array(row(usual), { maxLength: 5 }),
    }),
  );
};

const anyCase = columns.chain((all) =>
  fc.record({
    made: fc.record({
      vocabulary: fc.constantFrom(...VOCABULARY_IDS),
      columns: fc.constant(all),
      nullPolicy: fc.constantFrom<NullPolicy>('zero', 'none', 'skip_row'),
      reals: fc.constantFrom<Reals>('any', 'finite'),
    }),
    form: fc.constantFrom('batch' as const, 'snapshot' as const),
    rows: rowsOf(all),
  }),
);

test('rows written from their bytes are what the encoder and a plain codec make of them', () => {
  let written = 0;
  fc.assert(
    fc.property(anyCase, ({ made, form, rows }) => {
      written += compare(encoderOf(made), itemOf(rows, form));
    }),
    { numRuns: 2_000 },
  );
  assert.ok(written > 300, `only ${written} rows were written`);
});

const processes: readonly Column[] = [
  { name: 'pid', type: 'BIGINT' },
  { name: 'name', type: 'TEXT' },
  { name: 'cmdline', type: 'TEXT' },
  { name: 'uid', type: 'UNSIGNED BIGINT' },
  { name: 'load', type: 'DOUBLE' },
];
const ordinary = {
  vocabulary: 'zeek-osquery',
  columns: processes,
  nullPolicy: 'zero',
  reals: 'any',
} as const;

test('rows as osquery has them are written, with escapes, and by name though the query has another order', () => {
  const row = (changes: object) =>
    Buffer.from(
      JSON.stringify({
        cmdline: 'sh -c "a\\b"',
        load: '0.25',
        name: 'größe',
        pid: '17',
        uid: '4294967295',
        ...changes,
      }),
    );
  const rows = [
    row({}),
    row({ pid: '' }),
    row({ cmdline: '\\x0A' }),
    row({ load: '1e+20.0' }),
    row({ uid: '18446744073709551615' }),
  ];
  assert.equal(compare(encoderOf(ordinary), itemOf({ removed: [], added: rows }, 'batch')), rows.length);
});

test('escapes of JSON and of osquery are undone as who parses the row undoes them, in whatever order they come', () => {
  const letter = fc.constantFrom(
    '\\',
    '\\',
    'x',
    'X',
    '0',
    '1',
    '7',
    '9',
    'A',
    'F',
    'a',
    '"',
    'n',
    'u',
    '/',
    '\n',
    '\u0001',
    'é',
  );
  const value = fc.array(letter, { maxLength: 12 }).map((letters) => letters.join(''));
  const one: Case = { ...ordinary, columns: [{ name: 'a', type: 'TEXT' }] };
  fc.assert(
    fc.property(
      fc.array(value, { maxLength: 4 }),
      fc.constantFrom('batch' as const, 'snapshot' as const),
      (values, form) => {
        const rows = values.map((text) => Buffer.from(JSON.stringify({ a: text })));
        assert.equal(compare(encoderOf(one), itemOf({ removed: [], added: rows }, form)), rows.length);
      },
    ),
    { numRuns: 1_000 },
  );
});

test('a row that is no JSON, or none of the query, is left to who says so', () => {
  const bad = ['{"pid":"1"}', '{"cmdline":"\\q","load":"","name":"","pid":"","uid":""}'];
  const later = '{"cmdline":"","load":"","name":"a","pid":"1","uid":"2"}';
  const rows = [...bad, later].map((text) => Buffer.from(text));
  assert.equal(compare(encoderOf(ordinary), itemOf({ removed: [], added: rows }, 'batch')), 1);
});

test('of a buffer that had to grow, the events before are what they were', () => {
  const row = (n: number) =>
    Buffer.from(
      JSON.stringify({ cmdline: 'x'.repeat(n * 100), load: '1', name: 'n', pid: String(n), uid: '0' }),
    );
  const rows = Array.from({ length: 30 }, (_, n) => row(n));
  const { json } = itemOf({ removed: [], added: rows }, 'batch');
  const writer = RowWriter.of(encoderOf(ordinary).shape);
  const out = new ByteWriter(64);
  const events = rows.map((_, index) =>
    json
      ? writer?.write(out, json, index, { change: 'ADDED', initial: false, unixTime: 1, sequence: index })
      : undefined,
  );
  const encoded = events.filter((event) => event !== undefined);
  const plain = encoded.map(({ name, args, metadata }) => ({ name, args, metadata }));
  for (const [target, most] of [
    [0, 64_000],
    [500, 64_000],
    [5_000, 64_000],
    [5_000, 4_000],
    [1_000_000, 64_000_000],
  ] as const) {
    assert.deepEqual(framesOf(encoded, target, most), framesOf(plain, target, most));
  }
  for (const [n, event] of events.entries()) {
    assert.deepEqual(event?.args[1], { type: 'integer', value: BigInt(n) });
    assert.deepEqual(event?.args[3], { type: 'string', value: 'x'.repeat(n * 100) });
  }
});

function framesOf(events: readonly ZeekEvent[], target: number, most: number): string[] {
  const source = new EventFrames('4f9b3c52-6c1b-4c07-9d2c-0a53d2b7a9f1', most);
  const frames: string[] = [];
  for (let next = 0; next < events.length; ) {
    const made = source.next('/rows', events, next, target);
    frames.push(Buffer.from(made.frame).toString('hex'));
    next = made.next;
  }
  return frames;
}
