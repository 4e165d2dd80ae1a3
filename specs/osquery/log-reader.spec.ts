import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isMalformed, type LogItem, type LogRow, type MalformedLog } from '../../src/osquery/log-item.ts';
import { type LogFormat, LogReader } from '../../src/osquery/log-reader.ts';
import { decodeText } from '../../src/text/byte-text.ts';

interface Line {
  readonly name: string;
  readonly epoch: number;
  readonly counter: number;
  readonly unixTime: number;
  readonly rows: readonly (LogRow | MalformedLog)[];
}

function read(
  payload: string | Uint8Array,
  format: LogFormat = 'lines',
  slice?: number,
): (Line | MalformedLog)[] {
  const reader = new LogReader(typeof payload === 'string' ? Buffer.from(payload) : payload, format);
  while (!reader.advance(slice));
  return reader.items.map((item) => (isMalformed(item) ? item : wholeLine(item)));
}

function wholeLine(item: LogItem): Line {
  const { name, epoch, counter, unixTime } = item;
  return {
    name,
    epoch,
    counter,
    unixTime,
    rows: Array.from({ length: item.rowCount }, (_, index) => item.row(index)),
  };
}

const HEAD =
  '"name":"bro_1","hostIdentifier":"vm","calendarTime":"Tue Nov 24 05:04:38 2026 UTC","unixTime":1795496678,"epoch":5,"counter":1,"numerics":false';
const LINE = { name: 'bro_1', epoch: 5, counter: 1, unixTime: 1795496678 };

// The lines are those of osqueryd 5.23.1, with other values.
test('a line in event format is one row', () => {
  assert.deepEqual(read(`{${HEAD},"columns":{"pid":"7","name":"sh"},"action":"removed"}`), [
    { ...LINE, rows: [{ change: 'REMOVED', columns: { pid: '7', name: 'sh' } }] },
  ]);
});

test('decorations, below their key or at the top, are passed over', () => {
  const rows = [{ change: 'ADDED', columns: { a: '1' } }];
  assert.deepEqual(
    read(`{${HEAD},"decorations":{"dhost":"vm","opid":"20811"},"columns":{"a":"1"},"action":"added"}`),
    [{ ...LINE, rows }],
  );
  assert.deepEqual(read(`{${HEAD},"dhost":"vm","opid":"20811","columns":{"a":"1"},"action":"added"}`), [
    { ...LINE, rows },
  ]);
});

test('a line in batch format gives its removed rows first, whichever osquery wrote first', () => {
  const rows = [
    { change: 'REMOVED', columns: { a: '2' } },
    { change: 'ADDED', columns: { a: '0' } },
    { change: 'ADDED', columns: { a: '3' } },
  ];
  assert.deepEqual(read(`{"diffResults":{"removed":[{"a":"2"}],"added":[{"a":"0"},{"a":"3"}]},${HEAD}}`), [
    { ...LINE, rows },
  ]);
  assert.deepEqual(read(`{"diffResults":{"added":[{"a":"0"},{"a":"3"}],"removed":[{"a":"2"}]},${HEAD}}`), [
    { ...LINE, rows },
  ]);
});

test('a batch without rows is a line without rows', () => {
  assert.deepEqual(read(`{"diffResults":{"removed":[],"added":[]},${HEAD}}`), [{ ...LINE, rows: [] }]);
  assert.deepEqual(read(`{"diffResults":{},${HEAD}}`), [{ ...LINE, rows: [] }]);
});

test('a snapshot gives all its rows though its head stands behind them', () => {
  const rows = [
    { change: 'SNAPSHOT', columns: { k: 'b' } },
    { change: 'SNAPSHOT', columns: { k: 'a' } },
  ];
  assert.deepEqual(read(`{"snapshot":[{"k":"b"},{"k":"a"}],"action":"snapshot",${HEAD}}`), [
    { ...LINE, rows },
  ]);
  assert.deepEqual(read(`{"snapshot":[],"action":"snapshot",${HEAD}}`), [{ ...LINE, rows: [] }]);
});

test('a snapshot row by row is a line with one row', () => {
  assert.deepEqual(read(`{${HEAD},"columns":{"k":"b"},"action":"snapshot"}`), [
    { ...LINE, rows: [{ change: 'SNAPSHOT', columns: { k: 'b' } }] },
  ]);
});

test('numbers keep every digit that osquery wrote', () => {
  const [line] = read(
    `{${HEAD},"columns":{"u":18446744073709551615,"i":-9223372036854775808,"d":1.50,"t":"007","n":"","x":null,"b":true},"action":"added"}`,
  );
  assert.deepEqual(line, {
    ...LINE,
    rows: [
      {
        change: 'ADDED',
        columns: {
          u: '18446744073709551615',
          i: '-9223372036854775808',
          d: '1.5',
          t: '007',
          n: '',
          x: '',
          b: '1',
        },
      },
    ],
  });
});

test('old versions wrote the head as text', () => {
  assert.deepEqual(
    read(
      '{"name":"x","unixTime":"1486843200","epoch":"0","counter":"3","columns":{"a":"1"},"action":"added"}',
    ),
    [
      {
        name: 'x',
        epoch: 0,
        counter: 3,
        unixTime: 1486843200,
        rows: [{ change: 'ADDED', columns: { a: '1' } }],
      },
    ],
  );
});

test('text that osquery escaped in differential results is itself again, in snapshots it stays', () => {
  const escaped = String.raw`{"a":"one\\x0Atwo\\xC3\\xA9\\xFF","b":"\\x41 \\x7F \\xzz"}`;
  assert.deepEqual(read(`{${HEAD},"columns":${escaped},"action":"added"}`), [
    {
      ...LINE,
      rows: [{ change: 'ADDED', columns: { a: 'one\ntwoé\udcff', b: String.raw`\x41 \x7F \xzz` } }],
    },
  ]);
  assert.deepEqual(read(`{"snapshot":[${escaped}],"action":"snapshot",${HEAD}}`), [
    {
      ...LINE,
      rows: [
        {
          change: 'SNAPSHOT',
          columns: { a: String.raw`one\x0Atwo\xC3\xA9\xFF`, b: String.raw`\x41 \x7F \xzz` },
        },
      ],
    },
  ]);
});

test('bytes that are no UTF-8 survive as escapes of byte-text', () => {
  const payload = Buffer.concat([
    Buffer.from(`{${HEAD},"columns":{"a":"`),
    Buffer.from([0xff, 0x80, 0x41]),
    Buffer.from('"},"action":"snapshot"}'),
  ]);
  assert.deepEqual(read(payload), [
    { ...LINE, rows: [{ change: 'SNAPSHOT', columns: { a: '\udcff\udc80A' } }] },
  ]);
});

test('several lines come one after another, in an array of objects, and in one of strings', () => {
  const one = `{${HEAD},"columns":{"a":"1"},"action":"added"}`;
  const two = `{"snapshot":[{"a":"é"}],"action":"snapshot",${HEAD}}`;
  const lines = [
    { ...LINE, rows: [{ change: 'ADDED', columns: { a: '1' } }] },
    { ...LINE, rows: [{ change: 'SNAPSHOT', columns: { a: 'é' } }] },
  ];
  assert.deepEqual(read(`${one}\n${two}\n`), lines);
  assert.deepEqual(read(`[${one}, ${two}]`), lines);
  assert.deepEqual(read(JSON.stringify([one, two])), lines);
  assert.deepEqual(read('[]'), []);
  assert.deepEqual(read(' \n'), []);
});

test('a string of an array may hold any number of lines', () => {
  const line = '{"name":"q","unixTime":1,"columns":{"a":"1"},"action":"added"}';
  const reader = new LogReader(Buffer.from(JSON.stringify([`${line}\n`.repeat(200_000)])), 'lines');
  assert.equal(reader.advance(), true);
  assert.equal(reader.items.length, 200_000);
  assert.equal(reader.items.some(isMalformed), false);
});

test('bare rows are an array or a single row', () => {
  const head = { name: '', epoch: 0, counter: 0, unixTime: 0 };
  const rows = [
    { change: 'SNAPSHOT', columns: { a: '1' } },
    { change: 'SNAPSHOT', columns: { a: '2' } },
  ];
  assert.deepEqual(read('[{"a":"1"},{"a":"2"}]', 'rows'), [{ ...head, rows }]);
  assert.deepEqual(read(' {"a":"1"} ', 'rows'), [{ ...head, rows: rows.slice(0, 1) }]);
  assert.deepEqual(read('[]', 'rows'), [{ ...head, rows: [] }]);
});

test('bare rows that are broken are one problem, wherever their lines end', () => {
  const problem = { problem: 'expected ":"', offset: 17 };
  assert.deepEqual(read('[{"a":"1"},\n{"b" 2},\n{"c":"3"}]', 'rows'), [problem]);
});

test('lines in an array stand alone', () => {
  const line = `{${HEAD},"columns":{"a":"1"},"action":"added"}`;
  const one = { ...LINE, rows: [{ change: 'ADDED', columns: { a: '1' } }] };
  const problem = { problem: 'expected a line of the result log', offset: line.length + 1 };
  assert.deepEqual(read(`${line}\n[${line}]\n${line}`), [one, problem, one]);
});

test('of rows that come twice in a line the last ones count, as in any JSON', () => {
  const rows = [{ change: 'ADDED', columns: { b: '2' } }];
  assert.deepEqual(read(`{${HEAD},"columns":{"a":"1"},"columns":{"b":"2"},"action":"added"}`), [
    { ...LINE, rows },
  ]);
});

test('a column may be called anything', () => {
  const [line] = read(`{${HEAD},"columns":{"__proto__":"x","constructor":"y","":"z"},"action":"added"}`);
  assert.ok(line && 'rows' in line);
  const row = line.rows[0];
  assert.ok(row && 'columns' in row);
  assert.deepEqual(Object.entries(row.columns), [
    ['__proto__', 'x'],
    ['constructor', 'y'],
    ['', 'z'],
  ]);
});

const malformed: readonly (readonly [what: string, payload: string, problem: MalformedLog])[] = [
  ['no JSON at all', 'hello', { problem: 'expected a line of the result log', offset: 0 }],
  [
    'an array that ends early',
    '[',
    { problem: 'expected a line of the result log, but the text ends', offset: 1 },
  ],
  [
    'a line without a name',
    '{"columns":{},"action":"added"}',
    { problem: 'expected a line with a name and rows', offset: 31 },
  ],
  ['a line without rows', '{"name":"x"}', { problem: 'expected a line with a name and rows', offset: 12 }],
  ['an empty object', '{}', { problem: 'expected a line with a name and rows', offset: 2 }],
  [
    'a row without action',
    '{"name":"x","columns":{}}',
    { problem: 'expected an action beside the row', offset: 25 },
  ],
  [
    'another action',
    '{"action":"kept"}',
    { problem: 'expected the action added, removed or snapshot', offset: 10 },
  ],
  ['a counter that is none', '{"counter":"x"}', { problem: 'expected a number for counter', offset: 11 }],
  ['a bare word', '{"name":nope}', { problem: 'expected a JSON value', offset: 8 }],
  ['a nested cell', '{"columns":{"a":{"b":"1"}}}', { problem: 'expected a value', offset: 16 }],
  ['a missing colon', '{"name" "x"}', { problem: 'expected ":"', offset: 8 }],
  [
    'a missing comma',
    '{"name":"x" "y":1}',
    { problem: 'expected a comma or the end of the object', offset: 12 },
  ],
  // What osquery writes for an infinite number with --logger_numerics.
  [
    'a line that osquery cut',
    '{"diffResults":{"removed":[],"added":[{"d":1.0,"inf":',
    { problem: 'expected a value, but the text ends', offset: 53, columns: ['d', 'inf'] },
  ],
];
for (const [what, payload, problem] of malformed) {
  test(`${what} is reported with the place`, () => {
    assert.deepEqual(read(payload), [problem]);
  });
}

test('a line that is malformed costs no other line', () => {
  const good = `{${HEAD},"columns":{"a":"1"},"action":"added"}`;
  const line = { ...LINE, rows: [{ change: 'ADDED', columns: { a: '1' } }] };
  assert.deepEqual(read(`${good}\n{"name":}\n${good}\n{"name":\n${good}`), [
    line,
    { problem: 'expected a value', offset: good.length + 9 },
    line,
    { problem: 'expected a comma or the end of the object, but the text ends', offset: good.length * 3 + 21 },
    line,
  ]);
});

test('a row that is too long or no JSON is reported in its place, the others are given', () => {
  const reader = new LogReader(
    Buffer.from(`{"snapshot":[{"a":"1"},{"a":"${'x'.repeat(400)}"},{"a":"\\q"}],${HEAD}}`),
    'lines',
    100,
  );
  assert.equal(reader.advance(), true);
  const item = reader.items[0];
  assert.ok(item && !isMalformed(item));
  assert.deepEqual(item.row(0), { change: 'SNAPSHOT', columns: { a: '1' } });
  assert.deepEqual(item.row(1), { problem: 'a row of 408 bytes, more than the 100 allowed', offset: 23 });
  const third = item.row(2);
  assert.ok(isMalformed(third));
  assert.equal(third.offset, 432);
  assert.match(third.problem, /^malformed row: /);
});

/** Any text, with the characters that matter to a scanner more often than others. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('"', '\\', '{', '}', '[', ']', ',', ':', 'x', 'é', '\n', ' ') }),
  fc.string({ minLength: 250, maxLength: 270, unit: fc.constantFrom('a', '\\', '"') }),
);
const cells = fc.dictionary(text, text, { noNullPrototype: true });
const head = fc.record({
  name: text,
  epoch: fc.nat(),
  counter: fc.nat(),
  unixTime: fc.nat(),
  hostIdentifier: text,
  decorations: cells,
  extra: fc.jsonValue(),
});
const body = fc.oneof(
  fc.record({ columns: cells, action: fc.constantFrom('added', 'removed', 'snapshot') }),
  fc.record({ diffResults: fc.record({ removed: fc.array(cells), added: fc.array(cells) }) }),
  fc.record({ snapshot: fc.array(cells), action: fc.constant('snapshot') }),
);
interface Written {
  readonly name: string;
  readonly epoch: number;
  readonly counter: number;
  readonly unixTime: number;
  readonly columns?: Record<string, string>;
  readonly action?: string;
  readonly diffResults?: { removed: Record<string, string>[]; added: Record<string, string>[] };
  readonly snapshot?: Record<string, string>[];
}
const written = fc
  .tuple(head, body, fc.boolean())
  .map(
    ([first, second, headFirst]): Written => (headFirst ? { ...first, ...second } : { ...second, ...first }),
  );

/** What `JSON.parse`, which knows nothing of slices, makes of the same text. */
function oracle(line: Written): Line {
  const parsed: Written = JSON.parse(JSON.stringify(line));
  const as = (change: LogRow['change']) => (columns: Record<string, string>) => ({ change, columns });
  const rows = parsed.diffResults
    ? [...parsed.diffResults.removed.map(as('REMOVED')), ...parsed.diffResults.added.map(as('ADDED'))]
    : parsed.snapshot
      ? parsed.snapshot.map(as('SNAPSHOT'))
      : [{ change: parsed.action?.toUpperCase() as LogRow['change'], columns: parsed.columns ?? {} }];
  const { name, epoch, counter, unixTime } = parsed;
  return { name, epoch, counter, unixTime, rows };
}

test('lines read in slices of any size are what JSON.parse makes of them', () => {
  fc.assert(
    fc.property(
      fc.array(written),
      fc.boolean(),
      fc.nat({ max: 64 }),
      fc.constantFrom(undefined, 2),
      (lines, list, slice, indent) => {
        const texts = lines.map((line) => JSON.stringify(line, null, indent));
        // Text that looks like osquery's own escapes is undone in differential rows, which JSON.parse doesn't know.
        fc.pre(!texts.some((one) => /\\\\x[0189A-F][0-9A-F]/.test(one)));
        const payload = list ? `[${texts.join(',')}]` : texts.join('\n');
        assert.deepEqual(read(payload, 'lines', slice + 1), lines.map(oracle));
      },
    ),
  );
});

test('bytes of any kind, and lines cut anywhere, never throw and always end', () => {
  fc.assert(
    fc.property(written, fc.nat(), fc.uint8Array(), (line, cut, noise) => {
      const payload = Buffer.from(JSON.stringify(line));
      const at = cut % (payload.length + 1);
      const damaged = Buffer.concat([payload.subarray(0, at), noise]);
      const items = read(damaged, 'lines', 16);
      if (noise.length === 0 && at < payload.length && at > 0) {
        assert.equal(items.length, 1);
        assert.ok('problem' in (items[0] ?? {}));
      }
      read(damaged, 'rows', 16);
    }),
  );
});

test('every byte value in a cell comes back', () => {
  const raw = Buffer.from(
    Array.from({ length: 256 }, (_, byte) => byte).filter(
      (byte) => byte >= 0x20 && byte !== 0x22 && byte !== 0x5c,
    ),
  );
  const payload = Buffer.concat([Buffer.from('{"a":"'), raw, Buffer.from('"}')]);
  const [line] = read(payload, 'rows');
  assert.ok(line && 'rows' in line);
  assert.deepEqual(line.rows, [{ change: 'SNAPSHOT', columns: { a: decodeText(raw) } }]);
});
