import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ByteWriter } from '../../src/broker/byte-writer.ts';
import { EncodedEvent } from '../../src/broker/encoded-event.ts';
import { eventMembers } from '../../src/broker/encoded-json.ts';
import { dataMembers } from '../../src/broker/json.ts';
import { eventToData, writeEvent } from '../../src/broker/zeek-event.ts';
import { arbitraryData, arbitraryText } from '../support/arbitrary-data.ts';

const attempt = (print: () => string) => {
  try {
    return print();
  } catch (error) {
    return String(error);
  }
};

test('an encoded event is printed as JSON as one that is decoded first', () => {
  fc.assert(
    fc.property(
      arbitraryText,
      fc.array(arbitraryData, { maxLength: 6 }),
      fc.option(fc.nat(2 ** 40)),
      fc.uint8Array({ maxLength: 9 }),
      (name, args, sequence, before) => {
        const writer = new ByteWriter(16).bytes(before);
        const metadata =
          sequence === null
            ? undefined
            : [{ key: 200n, value: args[0] ?? { type: 'count' as const, value: BigInt(sequence) } }];
        writeEvent(writer, { name, args, ...(metadata && { metadata }) });
        const bytes = Buffer.from(writer.bytes(before).take());
        const event = new EncodedEvent(
          name,
          sequence ?? 0,
          bytes,
          before.length,
          bytes.length - before.length,
        );
        const plain = {
          name: event.kept().name,
          args: event.args,
          ...(metadata && { metadata: event.metadata }),
        };
        assert.equal(
          attempt(() => eventMembers(event.kept())),
          attempt(() => dataMembers(eventToData(plain))),
        );
      },
    ),
    { numRuns: 1_000 },
  );
});
