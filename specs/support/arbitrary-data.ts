import fc from 'fast-check';
import type { Data } from '../../src/broker/data.ts';
import { decodeText } from '../../src/text/byte-text.ts';

/** Any text, any bytes as text. */
export const arbitraryText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => decodeText(bytes)),
  fc.string({ minLength: 40, maxLength: 200 }),
);

const bytes16 = fc.uint8Array({ minLength: 16, maxLength: 16 });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

/** Any value of Broker's data model, nested a few levels. Reals are no NaN: it equals nothing. */
export const arbitraryData: fc.Arbitrary<Data> = fc.letrec<{ data: Data }>((tie) => ({
  data: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constant<Data>({ type: 'none' }),
    fc.boolean().map((value): Data => ({ type: 'boolean', value })),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value): Data => ({ type: 'count', value })),
    int64.map((value): Data => ({ type: 'integer', value })),
    fc.double({ noNaN: true }).map((value): Data => ({ type: 'real', value })),
    arbitraryText.map((value): Data => ({ type: 'string', value })),
    bytes16.map((bytes): Data => ({ type: 'address', bytes })),
    fc.tuple(bytes16, fc.nat(128)).map(([bytes, length]): Data => ({ type: 'subnet', bytes, length })),
    fc
      .tuple(fc.nat(65_535), fc.constantFrom('unknown', 'tcp', 'udp', 'icmp'))
      .map(([number, protocol]): Data => ({ type: 'port', number, protocol })),
    int64.map((nanoseconds): Data => ({ type: 'timestamp', nanoseconds })),
    int64.map((nanoseconds): Data => ({ type: 'timespan', nanoseconds })),
    arbitraryText.map((name): Data => ({ type: 'enum', name })),
    fc.array(tie('data'), { maxLength: 5 }).map((values): Data => ({ type: 'set', values })),
    fc
      .array(fc.tuple(tie('data'), tie('data')), { maxLength: 4 })
      .map((entries): Data => ({ type: 'table', entries })),
    fc.array(tie('data'), { maxLength: 6 }).map((values): Data => ({ type: 'vector', values })),
  ),
})).data;
