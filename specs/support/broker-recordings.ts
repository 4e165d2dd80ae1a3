import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export type Direction = 'connecting>listening' | 'listening>connecting';

export interface RecordedChunk {
  readonly direction: Direction;
  readonly bytes: Buffer;
}

/** One line of a recording: a chunk of bytes, a text frame, a note, or an end. */
export interface RecordedLine {
  readonly dir?: string;
  readonly hex?: string;
  readonly text?: string;
  readonly end?: string;
}

const folder = join(import.meta.dirname, '../../fixtures/broker');

/** The four recordings without TLS. */
export const NATIVE_RECORDINGS = [
  'zeek-to-zeek-1',
  'zeek-to-zeek-2',
  'broker-node-connector-has-smaller-id',
  'broker-node-connector-has-larger-id',
] as const;

/** The chunks of a recording of bytes, in order. */
export function recordedChunks(name: string): RecordedChunk[] {
  return lines(name)
    .filter((line) => 'hex' in line)
    .map((line) => ({ direction: line.dir as Direction, bytes: Buffer.from(String(line.hex), 'hex') }));
}

/** All that one side of a recording said. */
export function recordedStream(name: string, direction: Direction): Buffer {
  return Buffer.concat(
    recordedChunks(name)
      .filter((chunk) => chunk.direction === direction)
      .map((chunk) => chunk.bytes),
  );
}

/** The frames of a recording (payloads, without their lengths), in order, cut by counting alone. */
export function recordedFrames(name: string): RecordedChunk[] {
  const pending = new Map<Direction, Buffer>();
  const frames: RecordedChunk[] = [];
  for (const { direction, bytes } of recordedChunks(name)) {
    let rest = Buffer.concat([pending.get(direction) ?? Buffer.alloc(0), bytes]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
      const end = 4 + rest.readUInt32BE(0);
      frames.push({ direction, bytes: rest.subarray(4, end) });
      rest = rest.subarray(end);
    }
    pending.set(direction, rest);
  }
  return frames;
}

/** The lines of a recording as they are. */
export function lines(name: string): RecordedLine[] {
  return readFileSync(join(folder, `${name}.jsonl`), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as RecordedLine);
}
