import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { EventLogError } from '../../src/event-log/event-log-error.ts';
import { LineSplitter } from '../../src/event-log/line-splitter.ts';
import { eventOf, type LogRecord, parseRecord, printRecord, recordsOf } from '../../src/event-log/record.ts';
import { caused, fact } from '../support/schedule-builders.ts';

const lost: LogRecord = {
  seq: 7,
  time: Date.UTC(2026, 10, 24, 4, 44, 22, 123),
  type: 'BroLost',
  cause: null,
  rest: 0,
  data: { peer: 'zeek:9999', reason: 'connection closed' },
};

const LINE =
  '{"v":1,"seq":7,"time":"2026-11-24T04:44:22.123Z","type":"BroLost","cause":null,"rest":0,"data":{"peer":"zeek:9999","reason":"connection closed"},"sum":"0913aef6"}';

/** A line whose checksum fits, whatever stands in it. */
function signed(text: string): Buffer {
  return Buffer.from(`${text},"sum":"${crc32(text).toString(16).padStart(8, '0')}"}`);
}

function refused(line: Buffer): { readonly code: string; readonly message: string } {
  try {
    parseRecord(line);
  } catch (error) {
    assert.ok(error instanceof EventLogError);
    return { code: error.code, message: error.message };
  }
  throw new Error('the line was taken');
}

describe('A record', () => {
  test('is one line of JSON, the same for the same fact', () => {
    assert.equal(printRecord(lost), LINE);
    assert.deepEqual(parseRecord(Buffer.from(LINE)), lost);
  });

  test('comes back as the fact that it was, bytes that are no text included', () => {
    const event = caused(5, 'zeek:9999', 3, 'GroupJoined', { peer: 'zeek:9999', group: 'gr\udcff\u00fcn' });
    const [record] = recordsOf([event], 12);
    assert.ok(record);
    const line = printRecord(record);
    assert.ok(line.isWellFormed());
    assert.deepEqual(eventOf(parseRecord(Buffer.from(line))), event);
  });

  test('says how many more the decision has', () => {
    const events = [1, 2, 3].map((n) => fact(n, 'BroExpired', { peer: `zeek-${n}` }));
    assert.deepEqual(
      recordsOf(events, 40).map(({ seq, rest }) => [seq, rest]),
      [
        [40, 2],
        [41, 1],
        [42, 0],
      ],
    );
  });

  test('with any bit changed is known to be damaged', () => {
    fc.assert(
      fc.property(fc.nat(LINE.length - 1), fc.integer({ min: 0, max: 7 }), (at, bit) => {
        const line = Buffer.from(LINE);
        line[at] = (line[at] ?? 0) ^ (1 << bit);
        assert.match(refused(line).code, /^(bad-checksum|newer-format)$/);
      }),
    );
  });

  test('cut short is known to be damaged, wherever it is cut', () => {
    for (let length = 0; length < LINE.length; length += 1) {
      assert.equal(refused(Buffer.from(LINE.slice(0, length))).code, 'bad-checksum');
    }
  });

  test('of a newer version is refused with both versions, whatever else that one has', () => {
    assert.deepEqual(refused(Buffer.from('{"v":2,"whatever":[]}')), {
      code: 'newer-format',
      message: 'written in format 2 by a newer bro-osquery, this one reads up to 1; use the newer one',
    });
  });

  test('of an unknown type is kept, and is no fact that could be folded', () => {
    const unknown = { ...lost, type: 'MoonRose' };
    const parsed = parseRecord(Buffer.from(printRecord(unknown)));
    assert.deepEqual(parsed, unknown);
    assert.equal(eventOf(parsed), null);
    assert.equal(eventOf({ ...lost, type: 'constructor' }), null);
  });

  test('of a known type that does not look like one is refused by name', () => {
    assert.throws(() => eventOf({ ...lost, data: { peer: 'zeek:9999' } }), {
      code: 'bad-record',
      message: /^record 7 is not a valid BroLost: [\s\S]*reason/,
    });
  });

  for (const [text, message] of [
    ['{"v":1', "the record's seq is invalid"],
    ['{"v":1,"seq":0', "the record's seq is invalid"],
    ['{"v":1,"seq":1,"time":"yesterday"', "the record's time is invalid"],
    ['{"v":1,"seq":1,"time":"2026-11-24T04:44:22.123Z","type":""', "the record's type is invalid"],
    [
      '{"v":1,"seq":1,"time":"2026-11-24T04:44:22.123Z","type":"A","cause":1',
      "the record's cause is invalid",
    ],
    [
      '{"v":1,"seq":1,"time":"2026-11-24T04:44:22.123Z","type":"A","cause":null',
      "the record's rest is invalid",
    ],
    [
      '{"v":1,"seq":1,"time":"2026-11-24T04:44:22.123Z","type":"A","cause":null,"rest":0,"data":[]',
      "the record's data is invalid",
    ],
    ['{"v":1,oops', 'the record is not valid JSON, though its checksum is right'],
  ] as const) {
    test(`is none with a good checksum alone: ${text}`, () => {
      assert.deepEqual(refused(signed(text)), { code: 'bad-record', message });
    });
  }

  test('longer than a log can take is refused before anything is written', () => {
    assert.throws(() => printRecord({ ...lost, data: { text: 'x'.repeat(5_000_000) } }), {
      code: 'record-too-long',
      message: 'an event of type BroLost takes 5000124 bytes, the limit is 4194304',
    });
  });

  test('at an invalid time is refused', () => {
    assert.throws(() => printRecord({ ...lost, time: Number.NaN }), {
      code: 'bad-record',
      message: 'an event of type BroLost has the invalid time NaN',
    });
  });

  test('any record comes back, whatever its texts', () => {
    const any: fc.Arbitrary<LogRecord> = fc
      .record(
        {
          seq: fc.integer({ min: 1, max: 2 ** 52 }),
          time: fc.integer({ min: -1e14, max: 4e14 }),
          type: fc.string({ minLength: 1 }),
          peer: fc.string({ unit: 'binary' }),
          rest: fc.nat(),
          text: fc.string({ unit: 'binary' }),
        },
        { noNullPrototype: true },
      )
      .map(({ peer, text, ...record }) => ({ ...record, cause: { peer, requestId: 1 }, data: { text } }));
    fc.assert(
      fc.property(any, (record) => {
        const line = printRecord(record);
        assert.ok(!line.includes('\n'));
        assert.deepEqual(parseRecord(Buffer.from(line)), record);
      }),
    );
  });
});

describe('Lines', () => {
  test('come out of chunks of any size with their offsets', () => {
    const text = Buffer.from('one\n\ntwo and more\nrest');
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (sizes) => {
        const splitter = new LineSplitter(100, 1000);
        const lines: [string, number][] = [];
        for (let at = 0, turn = 0; at < text.length; turn += 1) {
          const end = at + (sizes[turn % sizes.length] ?? 1);
          for (const line of splitter.push(text.subarray(at, end))) {
            lines.push([line.bytes.toString(), line.offset]);
          }
          at = end;
        }
        assert.equal(splitter.offset, 1018);
        for (const line of splitter.push(Buffer.from('\n'))) lines.push([line.bytes.toString(), line.offset]);
        assert.deepEqual(lines, [
          ['one', 1000],
          ['', 1004],
          ['two and more', 1005],
          ['rest', 1018],
        ]);
      }),
    );
  });

  test('that never end are given up, so that no file can fill the memory', () => {
    const splitter = new LineSplitter(10);
    assert.deepEqual([...splitter.push(Buffer.from('0123456789'))], []);
    assert.throws(() => [...splitter.push(Buffer.from('0'))], {
      code: 'record-too-long',
      message: 'no line ends within 10 bytes of byte 0: this is not an event log, or it is damaged',
    });
  });
});
