import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import thrift from 'thrift';
import { ThriftError } from '../../src/osquery/thrift-error.ts';
import {
  MessageSink,
  MessageSource,
  readingProtocol,
  WritingProtocol,
} from '../../src/osquery/thrift-message.ts';
import { ThriftSplitter } from '../../src/osquery/thrift-splitter.ts';

const LIMITS = { message: 1_000_000, string: 1_000_000 };
const { CALL } = thrift.Thrift.MessageType;
const { STRING, MAP, LIST, STRUCT, I32, I64, BOOL } = thrift.Thrift.Type;

/** Text as the codec takes and gives it: no lone surrogates but escapes of bytes that are no UTF-8. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('a\udcffb', '\udc80', 'é😀', 'x'.repeat(600)),
);
const rows = fc.array(fc.dictionary(text, text, { maxKeys: 4, noNullPrototype: true }), { maxLength: 5 });

interface Sent {
  readonly name: string;
  readonly seqid: number;
  readonly number: number;
  readonly rows: readonly Readonly<Record<string, string>>[];
}

const sent = fc.record<Sent>(
  {
    name: fc.stringMatching(/^[a-zA-Z]{0,20}$/),
    seqid: fc.integer({ min: 0, max: 0x7fffffff }),
    number: fc.maxSafeInteger(),
    rows,
  },
  { noNullPrototype: true },
);

function encode({ name, seqid, number, rows }: Sent): Buffer {
  const messages: Buffer[] = [];
  const out = new WritingProtocol(new MessageSink((message) => messages.push(message)));
  out.writeMessageBegin(name, CALL, seqid);
  out.writeFieldBegin('number', I64, 1);
  out.writeI64(number);
  out.writeFieldBegin('rows', LIST, 2);
  out.writeListBegin(MAP, rows.length);
  for (const row of rows) {
    out.writeMapBegin(STRING, STRING, Object.keys(row).length);
    for (const [key, value] of Object.entries(row)) {
      out.writeString(key);
      out.writeString(value);
    }
  }
  out.writeFieldBegin('nested', STRUCT, 3);
  out.writeFieldBegin('small', I32, 1);
  out.writeI32(seqid);
  out.writeFieldBegin('flag', BOOL, 2);
  out.writeBool(true);
  out.writeFieldStop();
  out.writeFieldStop();
  out.writeMessageEnd();
  out.flush();
  return Buffer.concat(messages);
}

function decode(bytes: Buffer): Sent {
  const input = readingProtocol(bytes, 'text');
  const { fname, rseqid } = input.readMessageBegin();
  input.readFieldBegin();
  const number = Number(input.readI64());
  input.readFieldBegin();
  const list = Array.from({ length: input.readListBegin().size }, () => {
    const { size } = input.readMapBegin();
    return Object.fromEntries(Array.from({ length: size }, () => [input.readString(), input.readString()]));
  });
  const { ftype } = input.readFieldBegin();
  input.skip(ftype);
  assert.equal(input.readFieldBegin().ftype, thrift.Thrift.Type.STOP);
  return { name: fname, seqid: rseqid, number, rows: list };
}

test('what is written is read as it was, text with escaped bytes too', () => {
  fc.assert(
    fc.property(sent, (message) => {
      fc.pre(!message.rows.some((row) => Object.hasOwn(row, '__proto__')));
      assert.deepEqual(decode(encode(message)), message);
    }),
  );
});

test('a stream of messages is cut where each ends, whatever the pieces it comes in', () => {
  fc.assert(
    fc.property(
      fc.array(sent, { minLength: 1, maxLength: 4 }),
      fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 20 }),
      (messages, sizes) => {
        const encoded = messages.map(encode);
        const stream = Buffer.concat(encoded);
        const splitter = new ThriftSplitter(LIMITS);
        const found: Buffer[] = [];
        for (let at = 0, turn = 0; at < stream.length; turn += 1) {
          const size = sizes[turn % sizes.length] ?? 1;
          for (const { bytes, discarded } of splitter.push(Buffer.from(stream.subarray(at, at + size)))) {
            assert.equal(discarded, 0);
            found.push(Buffer.from(bytes));
          }
          at += size;
        }
        assert.deepEqual(found, encoded);
        assert.equal(splitter.midMessage, false);
        assert.equal(splitter.buffered, 0);
      },
    ),
  );
});

test('a message is written whole wherever its buffer has to grow', () => {
  for (let length = 440; length <= 540; length += 1) {
    const name = 'n'.repeat(length);
    const expected = Buffer.concat([Buffer.from('80010001', 'hex'), Buffer.alloc(4), Buffer.from(name)]);
    expected.writeInt32BE(length, 4);
    const bytes = encode({ name, seqid: 7, number: 1, rows: [] });
    const rest = '000000070a000100000000000000010f00020d000000000c000308000100000007020002010000';
    assert.equal(bytes.toString('hex'), expected.toString('hex') + rest, `a name of ${length} bytes`);
  }
});

test('any bytes are refused or waited for, never more', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, plausible) => {
      const head = Buffer.from(plausible ? '800100010000000463616c6c00000000' : '', 'hex');
      const splitter = new ThriftSplitter(LIMITS);
      try {
        for (const message of splitter.push(Buffer.concat([head, bytes]))) {
          assert.ok(message.bytes.length > 0);
        }
        assert.ok(splitter.buffered <= head.length + bytes.length);
      } catch (error) {
        assert.ok(error instanceof ThriftError, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

test('strings beyond their limit go by without being held, and are counted', () => {
  const row = { a: 'x'.repeat(5000), b: 'y', c: 'z'.repeat(3000) };
  const stream = encode({ name: 'call', seqid: 1, number: 2, rows: [row] });
  for (const size of [1, 7, 100, 1000, stream.length]) {
    const splitter = new ThriftSplitter({ message: 1_000_000, string: 1000 });
    const found: { rows: unknown; discarded: number }[] = [];
    for (let at = 0; at < stream.length; at += size) {
      for (const { bytes, discarded } of splitter.push(stream.subarray(at, at + size))) {
        found.push({ rows: decode(bytes).rows, discarded });
      }
      assert.ok(splitter.buffered < 1500);
    }
    assert.deepEqual(found, [{ rows: [{ a: '', b: 'y', c: '' }], discarded: 8000 }]);
  }
  assert.equal(stream.includes('x'.repeat(5000)), true, 'the chunks are left as they were');
});

test('what a message has lost of long strings is not counted for the next', () => {
  const splitter = new ThriftSplitter({ message: 1_000_000, string: 1000 });
  const [long, short] = ['x'.repeat(5000), 'x'].map((a) =>
    encode({ name: 'call', seqid: 1, number: 2, rows: [{ a }] }),
  );
  const stream = Buffer.concat([long, short, long].map((message) => message ?? Buffer.alloc(0)));
  assert.deepEqual(
    splitter.push(stream).map(({ discarded }) => discarded),
    [5000, 0, 5000],
  );
});

test('keys and values of a map may be of two kinds', () => {
  const map =
    '0d0001' + '0b0a00000002' + '0000000161' + '0000000000000001' + '0000000162' + '0000000000000002';
  const bytes = Buffer.from(`800100010000000463616c6c00000000${map}00`, 'hex');
  assert.deepEqual(new ThriftSplitter(LIMITS).push(bytes), [{ bytes, discarded: 0 }]);
});

test('a message whose parts are all within bounds is bounded as a whole', () => {
  const splitter = new ThriftSplitter({ message: 100, string: 60 });
  const field = `0b000100000028${'78'.repeat(40)}`;
  splitter.push(Buffer.from(`800100010000000463616c6c00000000${field}`, 'hex'));
  assert.throws(
    () => splitter.push(Buffer.from(field, 'hex')),
    new ThriftError('too_large', '110 bytes, allowed are 100 bytes a message', 66),
  );
});

test('each error has its code and the place', () => {
  const call = '800100010000000463616c6c00000000';
  const cases: readonly [string, string, number][] = [
    ['ffffffff', 'bad_header', 0],
    ['8001000100000081', 'bad_header', 4],
    ['8001000100000004ff', 'bad_header', 8],
    [`${call}010001`, 'bad_type', 19],
    [`${call}0b0001ffffffff`, 'negative_length', 19],
    [`${call}0b00017fffffff`, 'too_large', 19],
    [`${call}0f00010b00989680`, 'too_large', 19],
    [`${call}0d00010b0b000927c0`, 'too_large', 19],
    [`${call}0f000100000f4240`, 'bad_type', 20],
    [`${call}0d00010b00000493e0`, 'bad_type', 21],
    [`${call}${'0c0001'.repeat(64)}`, 'too_deep', 208],
  ];
  for (const [hex, code, offset] of cases) {
    assert.throws(
      () => new ThriftSplitter(LIMITS).push(Buffer.from(hex, 'hex')),
      (error) => error instanceof ThriftError && error.code === code && error.offset === offset,
      hex,
    );
  }
  assert.throws(
    () => new MessageSource(Buffer.from('0000', 'hex'), 'text').readI32(),
    new ThriftError('malformed', '4 bytes past the end of the message', 0),
  );
});
