import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  decodePart,
  EntryAssembly,
  encodeEntry,
  encodeHeader,
  encodeInto,
  entrySize,
} from '../../src/delivery/journal-record.ts';

test('an entry that is written at once has the bytes of one that is written in parts', () => {
  fc.assert(
    fc.property(
      fc.record({
        sequence: fc.nat(2 ** 40),
        kind: fc.constantFrom('log' as const, 'execution' as const, 'event' as const),
        receivedAt: fc.nat(2 ** 41),
      }),
      fc.option(fc.dictionary(fc.string(), fc.jsonValue())),
      fc.uint8Array({ maxLength: 2_000 }),
      (head, plain, payload) => {
        const header = encodeHeader(plain);
        const size = entrySize(header.length, payload.length);
        const target = Buffer.alloc(size + 10, 0xee);
        encodeInto(target, { ...head, header: plain }, header, payload);
        const parts = [...encodeEntry({ ...head, header: plain }, header, payload)].flat();
        assert.deepEqual(target.subarray(0, size), Buffer.concat(parts));
        assert.deepEqual(target.subarray(size), Buffer.alloc(10, 0xee));
        const read = decodePart(target, 0);
        assert.ok(read.outcome === 'part');
        const assembly = new EntryAssembly(read.part);
        assert.ok(assembly.add(read.part));
        assert.deepEqual(assembly.finish()?.payload, Buffer.from(payload));
      },
    ),
  );
});
