import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import Extension from '../../src/osquery/generated/Extension.js';
import { emptyReply, pingReply, readPlainCall } from '../../src/osquery/plain-call.ts';
import { ReplyCache } from '../../src/osquery/reply-cache.ts';
import type { Row } from '../../src/osquery/row.ts';
import { MessageSink, readingProtocol, WritingProtocol } from '../../src/osquery/thrift-message.ts';
import { readRecording } from '../support/osquery-recording.ts';

interface Seen {
  readonly method: 'ping' | 'call';
  readonly registry?: string;
  readonly item?: string;
  readonly request?: Readonly<Record<string, string>>;
}

/** What the generated code makes of a message, and what it answers; undefined where it reads no call. */
async function generated(
  bytes: Buffer,
  status: { readonly code: number; readonly message: string; readonly uuid: number },
): Promise<{ readonly seen: Seen; readonly reply: Buffer } | undefined> {
  let seen: Seen | undefined;
  const handler = {
    ping: async () => {
      seen = { method: 'ping' };
      return status;
    },
    call: async (registry: string, item: string, request: Row) => {
      seen = { method: 'call', registry, item, request };
      return { status, response: [] };
    },
  };
  let replied: (reply: Buffer) => void = () => {};
  const reply = new Promise<Buffer>((resolve) => {
    replied = resolve;
  });
  const sink = new MessageSink((message) => replied(message));
  try {
    new Extension.Processor(handler).process(readingProtocol(bytes, 'bytes'), new WritingProtocol(sink));
  } catch {
    return undefined;
  }
  return seen && { seen, reply: await reply };
}

function plain(bytes: Buffer): Seen | undefined {
  const call = readPlainCall(bytes);
  if (call?.method !== 'call') return call && { method: 'ping' };
  const { method, registry, item, request } = call;
  const texts = [...request].map(([key, value]) => [key, value.toString('latin1')]);
  return { method, registry, item, request: Object.fromEntries(texts) };
}

const STATUS = { code: 0, message: 'OK', uuid: 51_234 };
const bytes = fc.uint8Array({ maxLength: 40 }).map((value) => Buffer.from(value));
const length = (value: number) => {
  const written = Buffer.alloc(4);
  written.writeInt32BE(value);
  return written;
};
const text = (value: Uint8Array) => [length(value.length), value];
const message = fc
  .record({
    registry: bytes,
    item: bytes,
    seqid: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    request: fc.array(fc.tuple(fc.oneof(bytes, fc.constant(Buffer.from('string'))), bytes), { maxLength: 4 }),
  })
  .map(({ registry, item, seqid, request }) =>
    Buffer.concat([
      ...[Buffer.from([0x80, 1, 0, 1]), ...text(Buffer.from('call')), length(seqid)],
      ...[Buffer.from([11, 0, 1]), ...text(registry), Buffer.from([11, 0, 2]), ...text(item)],
      ...[
        Buffer.from([13, 0, 3, 11, 11]),
        length(request.length),
        ...request.flatMap((pair) => pair.flatMap(text)),
      ],
      Buffer.from([0]),
    ]),
  );

test('a call is read as the generated code reads it', async () => {
  await fc.assert(
    fc.asyncProperty(message, async (sent) => {
      assert.deepEqual(plain(sent), (await generated(sent, STATUS))?.seen);
    }),
  );
});

test('of a broken message nothing is read that the generated code would not', async () => {
  const broken = fc.tuple(message, fc.nat(), fc.nat(255), fc.nat()).map(([sent, at, byte, cut]) => {
    const changed = Buffer.from(sent.subarray(0, sent.length - (cut % 3)));
    changed[at % changed.length] = byte;
    return changed;
  });
  await fc.assert(
    fc.asyncProperty(broken, async (sent) => {
      const read = plain(sent);
      if (read) assert.deepEqual(read, (await generated(sent, STATUS))?.seen);
    }),
    { numRuns: 1_000 },
  );
});

test("pings and logger calls of a real osqueryd are read, and answered with the generated code's bytes", async () => {
  let calls = 0;
  for (const { sock, method, request } of readRecording('s06_batch')) {
    if (sock !== 'extension' || (method !== 'ping' && method !== 'call')) continue;
    calls += 1;
    const read = readPlainCall(request);
    const make = method === 'ping' ? pingReply : emptyReply;
    for (const status of [STATUS, { code: 1, message: 'größe „ü“', uuid: 2 ** 40 }]) {
      const expected = await generated(request, status);
      assert.deepEqual(plain(request), expected?.seen);
      assert.deepEqual(make(status, read?.seqid ?? -1), expected?.reply);
    }
    const cache = new ReplyCache(STATUS.uuid);
    for (const code of [1, 0, 0])
      assert.deepEqual(
        cache[method](code, 'OK', read?.seqid ?? -1),
        make({ ...STATUS, code }, read?.seqid ?? -1),
      );
  }
  assert.ok(calls > 10);
});
