import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CodecError } from '../../src/broker/codec-error.ts';
import {
  count,
  type Data,
  integer,
  none,
  real,
  string,
  timespan,
  timestamp,
  vector,
} from '../../src/broker/data.ts';
import { parseJson, printJsonString } from '../../src/broker/json-text.ts';
import { decodeMessage, encodeEvent } from '../../src/broker/websocket-messages.ts';
import { readMessages } from '../../src/broker/zeek-event.ts';
import { decodeText } from '../../src/text/byte-text.ts';
import { arbitraryData } from '../support/arbitrary-data.ts';
import { lines } from '../support/broker-recordings.ts';
import { dataFromJson, dataToJson } from '../support/broker-values.ts';

/** The value with every text well-formed and every real a number: what JSON can say. */
function sayable(data: Data): Data {
  switch (data.type) {
    case 'real':
      return Number.isFinite(data.value) ? data : real(0.5);
    case 'string':
      return string(data.value.toWellFormed());
    case 'enum':
      return { type: 'enum', name: data.name.toWellFormed() };
    case 'set':
    case 'vector':
      return { type: data.type, values: data.values.map(sayable) };
    case 'table':
      return { type: 'table', entries: data.entries.map(([key, value]) => [sayable(key), sayable(value)]) };
    default:
      return data;
  }
}

test('any value survives JSON', () => {
  fc.assert(
    fc.property(arbitraryData, (anything) => {
      const data = sayable(anything);
      assert.deepEqual(dataFromJson(dataToJson(data)), data);
    }),
    { numRuns: 1_000 },
  );
});

test('every kind of value has the text that Zeek gives it', () => {
  const golden: [Data, string][] = [
    [none, '{"@data-type":"none","data":{}}'],
    [{ type: 'boolean', value: true }, '{"@data-type":"boolean","data":true}'],
    [count(2n ** 64n - 1n), '{"@data-type":"count","data":18446744073709551615}'],
    [integer(-(2n ** 63n)), '{"@data-type":"integer","data":-9223372036854775808}'],
    [real(1), '{"@data-type":"real","data":1.0}'],
    [real(-0), '{"@data-type":"real","data":-0.0}'],
    [real(1e21), '{"@data-type":"real","data":1e+21}'],
    [real(0.1), '{"@data-type":"real","data":0.1}'],
    [string('ü\u000b"'), '{"@data-type":"string","data":"ü\\u000b\\""}'],
    [
      { type: 'address', bytes: Uint8Array.from([...new Array(10).fill(0), 255, 255, 192, 168, 1, 2]) },
      '{"@data-type":"address","data":"192.168.1.2"}',
    ],
    [{ type: 'port', number: 80, protocol: 'unknown' }, '{"@data-type":"port","data":"80/?"}'],
    [timestamp(1_700_000_000_250_000_000n), '{"@data-type":"timestamp","data":"2023-11-14T22:13:20.250"}'],
    [timestamp(-1n), '{"@data-type":"timestamp","data":"1969-12-31T23:59:59.999999999"}'],
    [timestamp(0n), '{"@data-type":"timestamp","data":"1970-01-01T00:00:00.000"}'],
    [timespan(1_500_000_000n), '{"@data-type":"timespan","data":"1500ms"}'],
    [timespan(-1n), '{"@data-type":"timespan","data":"-1ns"}'],
    [timespan(0n), '{"@data-type":"timespan","data":"0s"}'],
    [
      { type: 'table', entries: [[string('k'), count(3)]] },
      '{"@data-type":"table","data":[{"key":{"@data-type":"string","data":"k"},"value":{"@data-type":"count","data":3}}]}',
    ],
    [vector([]), '{"@data-type":"vector","data":[]}'],
  ];
  for (const [data, text] of golden) {
    assert.equal(dataToJson(data), text);
    assert.deepEqual(dataFromJson(text), data);
  }
});

const session = lines('websocket-session');

test('the event of the recorded session is printed as the client sent it, which Zeek took', () => {
  const sent =
    session.find((line) => line.dir === 'client>server' && line.text?.includes('Tst::hello'))?.text ?? '';
  const message = decodeMessage(sent);
  assert.ok(message.type === 'data-message');
  const [read] = readMessages(message.data);
  assert.ok(read?.type === 'event');
  assert.equal(encodeEvent(message.topic, read.event), sent);
});

test("Zeek's own text is read, its escape \\v and its reals of six digits included", () => {
  const received =
    session.find((line) => line.dir === 'server>client' && line.text?.includes('Tst::back'))?.text ?? '';
  const message = decodeMessage(received);
  assert.ok(message.type === 'data-message');
  const [read] = readMessages(message.data);
  assert.ok(read?.type === 'event');
  assert.deepEqual(read.event.args.slice(0, 4), [
    string('ws ü \v'),
    count(2n ** 63n),
    integer(-(2n ** 63n) + 1n),
    real(-7.5),
  ]);
});

test('every byte can come in as Zeek writes it', () => {
  for (let byte = 0; byte < 256; byte += 1) {
    const escaped: Record<number, string> = {
      8: '\\b',
      9: '\\t',
      10: '\\n',
      11: '\\v',
      12: '\\f',
      13: '\\r',
      34: '\\"',
      92: '\\\\',
    };
    const written = escaped[byte];
    const raw = written ? Buffer.from(written) : Buffer.from([byte]);
    const frame = Buffer.concat([Buffer.from('{"@data-type":"string","data":"'), raw, Buffer.from('"}')]);
    assert.deepEqual(dataFromJson(decodeText(frame)), string(decodeText(Uint8Array.of(byte))));
  }
});

test('what is no UTF-8 goes out in printable form, for Zeek would close the connection', () => {
  assert.equal(printJsonString('a\udcffb😀'), '"a\\\\xffb😀"');
  assert.equal(printJsonString('\ud800'), '"\ufffd"');
});

test('times are read in the forms that versions of Zeek and other clients write', () => {
  const read = (type: string, data: string) => dataFromJson(`{"@data-type":"${type}","data":"${data}"}`);
  assert.deepEqual(read('timestamp', '2023-11-14T22:13:20'), timestamp(1_700_000_000_000_000_000n));
  assert.deepEqual(read('timestamp', '2023-11-14T22:13:20Z'), timestamp(1_700_000_000_000_000_000n));
  assert.deepEqual(read('timestamp', '2023-11-15T00:13:20.5+02:00'), timestamp(1_700_000_000_500_000_000n));
  assert.deepEqual(read('timespan', '2min'), timespan(120_000_000_000n));
  assert.deepEqual(read('timespan', '-1d'), timespan(-86_400_000_000_000n));
});

test('what is no value is refused with a code', () => {
  for (const [text, code] of [
    ['', 'truncated'],
    ['{', 'truncated'],
    ['{"@data-type":"count","data":1', 'truncated'],
    ['{}', 'unknown-tag'],
    ['{"@data-type":"count","data":1} x', 'trailing'],
    ['{"@data-type":"count","data":-1}', 'bad-value'],
    ['{"@data-type":"count","data":1.0}', 'bad-value'],
    ['{"@data-type":"count","data":"1"}', 'bad-value'],
    ['{"@data-type":"count","data":18446744073709551616}', 'bad-value'],
    ['{"@data-type":"integer","data":9223372036854775808}', 'bad-value'],
    ['{"@data-type":"address","data":"fe80::1%eth0"}', 'bad-value'],
    ['{"@data-type":"subnet","data":"10.0.0.0/33"}', 'bad-value'],
    ['{"@data-type":"port","data":"80"}', 'bad-value'],
    ['{"@data-type":"timestamp","data":"2023-02-30T00:00:00"}', 'bad-value'],
    ['{"@data-type":"timespan","data":"1.5s"}', 'bad-value'],
    ['{"@data-type":"vector","data":[1]}', 'bad-value'],
    ['{"@data-type":"string","data":"\\q"}', 'bad-json'],
    [`${'['.repeat(100_000)}`, 'too-deep'],
  ] as const) {
    assert.throws(() => dataFromJson(text), { name: 'CodecError', code }, text.slice(0, 60));
  }
  assert.throws(() => dataToJson(real(Number.NaN)), { name: 'CodecError', code: 'bad-value' });
});

test('any text ends in a value or in a CodecError', () => {
  const piece = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    '"',
    ':',
    ',',
    '1',
    '-',
    'e',
    '.',
    'true',
    'nan',
    '\\u',
    '\\v',
    ' ',
    '@data-type',
    'data',
    'set',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.array(piece, { maxLength: 20 }).map((all) => all.join('')),
      ),
      (text) => {
        try {
          parseJson(text);
          dataFromJson(text);
        } catch (error) {
          assert.ok(error instanceof CodecError);
          assert.ok(error.offset <= text.length);
        }
      },
    ),
    { numRuns: 3_000 },
  );
});

test('what JSON.parse reads is read to the same', () => {
  const plain = (value: ReturnType<typeof parseJson>): unknown => {
    if (value instanceof Map)
      return Object.fromEntries([...value].map(([key, inner]) => [key, plain(inner)]));
    if (Array.isArray(value)) return value.map(plain);
    return typeof value === 'object' && value !== null && 'digits' in value ? Number(value.digits) : value;
  };
  fc.assert(
    fc.property(fc.json({ stringUnit: 'binary' }), (text) => {
      assert.equal(JSON.stringify(plain(parseJson(text))), JSON.stringify(JSON.parse(text)));
    }),
  );
});
