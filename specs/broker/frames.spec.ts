import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeData } from '../../src/broker/binary.ts';
import { ByteReader } from '../../src/broker/byte-reader.ts';
import { ByteWriter } from '../../src/broker/byte-writer.ts';
import { formatEndpointId } from '../../src/broker/endpoint-id.ts';
import { decodeEnvelope, pongTo, skimEnvelope, writeEnvelope } from '../../src/broker/envelope.ts';
import { FrameSplitter } from '../../src/broker/frames.ts';
import {
  decodeHandshake,
  encodeHandshake,
  readFilter,
  writeFilter,
} from '../../src/broker/handshake-messages.ts';
import { NATIVE_RECORDINGS, recordedFrames, recordedStream } from '../support/broker-recordings.ts';
import { encodeData } from '../support/broker-values.ts';
import { naiveFrame } from '../support/naive-broker.ts';

function split(stream: Uint8Array, size: number, splitter = new FrameSplitter()): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < stream.length; at += size) {
    splitter.push(stream.subarray(at, at + size), (frame) => frames.push(Buffer.from(frame)));
  }
  return frames;
}

for (const name of NATIVE_RECORDINGS) {
  test(`every frame of ${name} is found in chunks of every size`, () => {
    for (const direction of ['connecting>listening', 'listening>connecting'] as const) {
      const stream = recordedStream(name, direction);
      const wanted = recordedFrames(name)
        .filter((frame) => frame.direction === direction)
        .map((frame) => frame.bytes);
      for (let size = 1; size <= stream.length; size += 1) {
        const splitter = new FrameSplitter();
        assert.deepEqual(split(stream, size, splitter), wanted);
        assert.equal(splitter.held, 0);
      }
    }
  });

  test(`every message of ${name} is read and written again, byte for byte`, () => {
    for (const { bytes } of recordedFrames(name)) {
      if (
        bytes.length < 37 ||
        ((bytes[0] ?? 0) >= 6 && bytes.readUInt32BE(1) === 0x5a45454b) ||
        bytes[0] === 10 ||
        bytes[0] === 11
      ) {
        assert.deepEqual(Buffer.from(encodeHandshake(decodeHandshake(bytes))), naiveFrame(bytes));
        continue;
      }
      const envelope = decodeEnvelope(bytes);
      const { kind, topic, payload: skimmed, receiver } = skimEnvelope(bytes);
      assert.deepEqual(
        { kind, topic, payload: skimmed, receiver: formatEndpointId(receiver) },
        {
          kind: envelope.kind,
          topic: envelope.topic,
          payload: envelope.payload,
          receiver: envelope.receiver,
        },
      );
      const payload =
        envelope.kind === 'data'
          ? encodeData(decodeData(envelope.payload))
          : envelope.kind === 'routing-update'
            ? refilter(envelope.payload)
            : envelope.payload;
      const writer = new ByteWriter();
      writeEnvelope(writer, { ...envelope, payload });
      assert.deepEqual(Buffer.from(writer.take()), naiveFrame(bytes));
    }
  });
}

function refilter(payload: Uint8Array): Uint8Array {
  const writer = new ByteWriter();
  writeFilter(writer, readFilter(new ByteReader(payload)));
  return writer.take();
}

test('any frames come out as they went in, however they are cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 12 }),
      fc.array(fc.nat(64), { minLength: 1, maxLength: 20 }),
      (payloads, sizes) => {
        const stream = Buffer.concat(payloads.map((payload) => naiveFrame(payload)));
        const splitter = new FrameSplitter();
        const frames: Uint8Array[] = [];
        for (let at = 0, turn = 0; at < stream.length; turn += 1) {
          const size = (sizes[turn % sizes.length] ?? 0) + 1;
          splitter.push(stream.subarray(at, at + size), (frame) => frames.push(new Uint8Array(frame)));
          at += size;
        }
        assert.deepEqual(frames, payloads);
      },
    ),
  );
});

test('a length of 0 or beyond the bound is refused with its place, after the frames before it, as soon as it is known', () => {
  for (const [length, code] of [
    ['00000000', 'frame-empty'],
    ['00000101', 'frame-too-large'],
    ['ffffffff', 'frame-too-large'],
  ] as const) {
    for (const size of [1, 2, 3, 4, 5, 64]) {
      const frames: Buffer[] = [];
      const splitter = new FrameSplitter(256);
      const stream = Buffer.concat([naiveFrame(Buffer.from('one')), Buffer.from(length, 'hex')]);
      const push = () => {
        for (let at = 0; at < stream.length; at += size) {
          splitter.push(stream.subarray(at, at + size), (frame) => frames.push(Buffer.from(frame)));
        }
      };
      assert.throws(push, { name: 'CodecError', code, offset: 7 });
      assert.deepEqual(frames, [Buffer.from('one')]);
    }
  }
});

test('memory is taken for what has come, not for what a length promises', () => {
  const before = process.memoryUsage().arrayBuffers;
  const splitters = Array.from({ length: 50 }, () => {
    const splitter = new FrameSplitter();
    splitter.push(Buffer.from('03ffffff00', 'hex'), () => assert.fail('no frame is complete'));
    return splitter;
  });
  assert.deepEqual(new Set(splitters.map((splitter) => splitter.held)), new Set([5]));
  assert.ok(process.memoryUsage().arrayBuffers - before < 1_000_000);
});

test('an envelope that is cut short or of an unknown type is refused', () => {
  const envelope = recordedFrames('zeek-to-zeek-1').at(-1)?.bytes ?? Buffer.alloc(0);
  for (let end = 0; end < 40; end += 1) {
    for (const read of [decodeEnvelope, skimEnvelope])
      assert.throws(() => read(envelope.subarray(0, end)), { name: 'CodecError', code: 'truncated' });
  }
  const unknown = Buffer.from(envelope);
  unknown[32] = 6;
  for (const read of [decodeEnvelope, skimEnvelope])
    assert.throws(() => read(unknown), { name: 'CodecError', code: 'unknown-tag', offset: 32 });
});

test('a pong is its ping with the ends swapped', () => {
  const [one, other] = [
    '5a0d6c1e-8f63-4b7e-9d0a-0f1e2d3c4b5a',
    '11111111-2222-4333-8444-555555555555',
  ] as const;
  const message = { ttl: 16, topic: '<$>', payload: Buffer.from('12345678') };
  const written = (envelope: Parameters<typeof writeEnvelope>[1]) => {
    const writer = new ByteWriter();
    writeEnvelope(writer, envelope);
    return Buffer.from(writer.take());
  };
  const ping = written({ ...message, kind: 'ping', sender: one, receiver: other });
  const pong = written({ ...message, kind: 'pong', sender: other, receiver: one });
  assert.deepEqual(Buffer.from(pongTo(ping.subarray(4))), pong);
});

test('a filter of more topics than anybody has is refused before they take memory', () => {
  const most = new ByteWriter(1024).varbyte(100_000).bytes(new Uint8Array(100_000)).take();
  assert.equal(readFilter(new ByteReader(most)).length, 100_000);
  const more = new ByteWriter(1024).varbyte(100_001).bytes(new Uint8Array(100_001)).take();
  assert.throws(() => readFilter(new ByteReader(more)), { name: 'CodecError', code: 'too-many' });
});
