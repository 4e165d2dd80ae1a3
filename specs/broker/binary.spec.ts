import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeData, MAX_DEPTH, MAX_VALUES } from '../../src/broker/binary.ts';
import { ByteWriter } from '../../src/broker/byte-writer.ts';
import { CodecError } from '../../src/broker/codec-error.ts';
import { count, type Data, integer, none, string, vector } from '../../src/broker/data.ts';
import { arbitraryData } from '../support/arbitrary-data.ts';
import { encodeData } from '../support/broker-values.ts';
import { naiveEncode } from '../support/naive-broker.ts';

const fromHex = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));

function refusal(bytes: Uint8Array): { code: string; offset: number } {
  try {
    decodeData(bytes);
  } catch (error) {
    assert.ok(error instanceof CodecError, String(error));
    return { code: error.code, offset: error.offset };
  }
  return assert.fail('decoded');
}

test('every kind of value has the bytes that Broker gives it', () => {
  const golden: [Data, string][] = [
    [none, '00'],
    [{ type: 'boolean', value: true }, '01 01'],
    [count(2n ** 63n), '02 8000000000000000'],
    [integer(-(2n ** 63n) + 1n), '03 8000000000000001'],
    [{ type: 'real', value: -7.5 }, '04 c01e000000000000'],
    [string('zeek'), '05 04 7a65656b'],
    [string('\udcff\0'), '05 02 ff00'],
    [
      { type: 'address', bytes: fromHex('00000000000000000000ffffc0a80102') },
      '06 00000000000000000000ffffc0a80102',
    ],
    [
      { type: 'subnet', bytes: fromHex('20010db8000000000000000000000000'), length: 32 },
      '07 20010db8000000000000000000000000 20',
    ],
    [{ type: 'port', number: 8080, protocol: 'tcp' }, '08 1f90 01'],
    [{ type: 'timestamp', nanoseconds: 1_700_000_000_250_000_000n }, '09 17979cfe4510b280'],
    [{ type: 'timespan', nanoseconds: -1_000_000n }, '0a fffffffffff0bdc0'],
    [{ type: 'enum', name: 'Tst::RED' }, '0b 08 5473743a3a524544'],
    [{ type: 'set', values: [string('a'), string('b')] }, '0c 02 050161 050162'],
    [{ type: 'table', entries: [[string('k'), count(3)]] }, '0d 01 05016b 020000000000000003'],
    [vector([none, vector([])]), '0e 02 00 0e00'],
  ];
  for (const [data, hex] of golden) {
    assert.deepEqual(encodeData(data), fromHex(hex));
    assert.deepEqual(decodeData(fromHex(hex)), data);
  }
});

test('any value survives the round trip, and its bytes are those of an independent encoder', () => {
  fc.assert(
    fc.property(arbitraryData, (data) => {
      const bytes = encodeData(data);
      assert.deepEqual(Buffer.from(bytes), naiveEncode(data));
      assert.deepEqual(decodeData(bytes), data);
    }),
    { numRuns: 1_000 },
  );
});

test('a value cut short anywhere is refused as truncated', () => {
  fc.assert(
    fc.property(arbitraryData, fc.nat(), (data, at) => {
      const bytes = encodeData(data);
      const cut = bytes.subarray(0, at % bytes.length);
      assert.equal(refusal(cut).code, 'truncated');
    }),
  );
});

test('any bytes end in a value or in a CodecError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        assert.deepEqual(decodeData(encodeData(decodeData(bytes))), decodeData(bytes));
      } catch (error) {
        assert.ok(error instanceof CodecError);
        assert.ok(error.offset <= bytes.length);
      }
    }),
    { numRuns: 3_000 },
  );
});

test('hostile bytes are refused with a code and the place', () => {
  assert.deepEqual(refusal(fromHex('')), { code: 'truncated', offset: 0 });
  assert.deepEqual(refusal(fromHex('0f')), { code: 'unknown-tag', offset: 0 });
  assert.deepEqual(refusal(fromHex('0e 01 ff')), { code: 'unknown-tag', offset: 2 });
  assert.deepEqual(refusal(fromHex('01 02')), { code: 'bad-value', offset: 0 });
  assert.deepEqual(refusal(fromHex('08 0050 04')), { code: 'bad-value', offset: 0 });
  assert.deepEqual(refusal(fromHex(`07 ${'00'.repeat(16)} 81`)), { code: 'bad-value', offset: 0 });
  assert.deepEqual(refusal(fromHex('00 00')), { code: 'trailing', offset: 1 });
  assert.deepEqual(refusal(fromHex('05 ffffffffff7f')), { code: 'too-long', offset: 1 });
  assert.deepEqual(refusal(fromHex('05 ffffffff0f')), { code: 'truncated', offset: 1 });
  assert.deepEqual(refusal(fromHex('0d 02 00 00 00')), { code: 'truncated', offset: 1 });
});

test('nesting is bounded both ways', () => {
  let data: Data = none;
  for (let depth = 0; depth < MAX_DEPTH; depth += 1) data = vector([data]);
  assert.deepEqual(decodeData(encodeData(data)), data);
  assert.throws(() => encodeData(vector([data])), { name: 'CodecError', code: 'too-deep' });
  assert.equal(refusal(fromHex('0e01'.repeat(100_000))).code, 'too-deep');
});

test('a frame full of the smallest values is refused before it becomes large in memory', () => {
  const many = new ByteWriter(MAX_VALUES + 10).u8(14).varbyte(MAX_VALUES);
  for (let index = 0; index < MAX_VALUES; index += 1) many.u8(0);
  assert.equal(refusal(many.take()).code, 'too-many');
});

test('what was read shares no memory with what it was read from', () => {
  const address: Data = { type: 'address', bytes: new Uint8Array(16).fill(7) };
  const received = Buffer.from(encodeData(address));
  const read = decodeData(received);
  received.fill(0);
  assert.deepEqual(read, address);
});

test('a value that no Broker could read is not written', () => {
  const wrong: Data[] = [
    { type: 'port', number: 65_536, protocol: 'tcp' },
    { type: 'subnet', bytes: new Uint8Array(16), length: 129 },
    { type: 'address', bytes: new Uint8Array(4) },
  ];
  for (const data of wrong) assert.throws(() => encodeData(data), { name: 'CodecError', code: 'bad-value' });
});

test('long texts, long vectors and lengths of several groups survive', () => {
  const data = vector([
    string('ü'.repeat(200_000)),
    vector(Array.from({ length: 20_000 }, (_, n) => count(n))),
  ]);
  assert.deepEqual(decodeData(encodeData(data)), data);
});
