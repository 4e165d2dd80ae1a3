import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { CodecError } from './codec-error.ts';
import { writeBatchStart } from './zeek-event.ts';

/**
 * Looks into a data message's payload without making values of it: which events it holds, where the bytes of each are,
 * and the first of their arguments where they are texts. What is skimmed is as long as it says: who passes the bytes on
 * passes nothing that could not be decoded.
 */

const TAG = { count: 2, string: 5, enum: 11, set: 12, table: 13, vector: 14 } as const;
/** Bytes of the body of tags whose length is fixed; undefined for the others. */
const FIXED: readonly (number | undefined)[] = [0, 1, 8, 8, 8, undefined, 16, 17, 3, 8, 8];
const EVENT = 1n;
const BATCH = 5n;
const MAX_DEPTH = 100;

/** An argument that a guard looks at: a text, an enum's value, the first values of a vector, or something else. */
export type SkimmedValue =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'enum' }
  | { readonly kind: 'timestamp' }
  | { readonly kind: 'vector'; readonly values: readonly SkimmedValue[] }
  | { readonly kind: 'other' };

/** One event of a payload. */
export interface SkimmedEvent {
  readonly name: string;
  /** Of the arguments, those looked at: at most the first three, of vectors among them as many. */
  readonly args: readonly SkimmedValue[];
  /** How many arguments there are. */
  readonly arity: number;
  /** The whole message that holds the event alone; shares memory with the payload. */
  readonly bytes: Uint8Array;
}

/** How many arguments, and values of a vector among them, are looked at. */
const LOOKED_AT = 3;

/**
 * The events of a payload, in their order; other kinds of message (log records) are left out.
 * @throws CodecError if the payload is no message, or longer or shorter than it says
 */
export function skimEvents(payload: Uint8Array): SkimmedEvent[] {
  const reader = new ByteReader(payload);
  const events: SkimmedEvent[] = [];
  skimMessage(reader, payload, events, 0);
  reader.end();
  return events;
}

function skimMessage(reader: ByteReader, payload: Uint8Array, events: SkimmedEvent[], depth: number): void {
  const start = reader.offset;
  if (depth > MAX_DEPTH) throw new CodecError('too-deep', start, `batches within ${MAX_DEPTH} batches`);
  expectTag(reader, TAG.vector, 'a message');
  if (reader.varbyteLength() !== 3) throw malformed(start, 'a message has three parts');
  expectTag(reader, TAG.count, 'the format');
  if (reader.u64() !== 1n) throw malformed(start, 'an unknown format');
  expectTag(reader, TAG.count, 'the type');
  const type = reader.u64();
  if (type === BATCH) {
    expectTag(reader, TAG.vector, 'a batch');
    const size = reader.varbyteLength();
    for (let index = 0; index < size; index += 1) skimMessage(reader, payload, events, depth + 1);
    return;
  }
  if (type !== EVENT) {
    skip(reader, depth);
    return;
  }
  expectTag(reader, TAG.vector, 'an event');
  const parts = reader.varbyteLength();
  if (parts !== 2 && parts !== 3)
    throw malformed(start, 'an event has a name, arguments and perhaps metadata');
  expectTag(reader, TAG.string, 'the name of an event');
  const name = reader.text(reader.varbyteLength());
  expectTag(reader, TAG.vector, 'the arguments');
  const arity = reader.varbyteLength();
  const args: SkimmedValue[] = [];
  for (let index = 0; index < arity; index += 1) {
    if (index < LOOKED_AT) args.push(skimValue(reader, depth + 1, 0));
    else skip(reader, depth + 1);
  }
  if (parts === 3) skip(reader, depth + 1);
  events.push({ name, args, arity, bytes: payload.subarray(start, reader.offset) });
}

/** @param level how deep within an argument */
function skimValue(reader: ByteReader, depth: number, level: number): SkimmedValue {
  const tag = reader.u8();
  if (tag === TAG.string) return { kind: 'text', text: reader.text(reader.varbyteLength()) };
  if (tag === TAG.enum) {
    reader.view(reader.varbyteLength());
    return { kind: 'enum' };
  }
  if (tag === TAG.vector) {
    const length = reader.varbyteLength();
    const values: SkimmedValue[] = [];
    for (let index = 0; index < length; index += 1) {
      if (index < LOOKED_AT && level === 0) values.push(skimValue(reader, depth + 1, level + 1));
      else skip(reader, depth + 1);
    }
    return { kind: 'vector', values };
  }
  skipBody(reader, tag, depth);
  return { kind: tag === 9 ? 'timestamp' : 'other' };
}

function skip(reader: ByteReader, depth: number): void {
  skipBody(reader, reader.u8(), depth);
}

function skipBody(reader: ByteReader, tag: number, depth: number): void {
  const fixed = FIXED[tag];
  if (fixed !== undefined) {
    reader.view(fixed);
    return;
  }
  if (depth > MAX_DEPTH) throw new CodecError('too-deep', reader.offset, `values within ${MAX_DEPTH} values`);
  switch (tag) {
    case TAG.string:
    case TAG.enum:
      reader.view(reader.varbyteLength());
      return;
    case TAG.set:
    case TAG.vector:
    case TAG.table: {
      const values = reader.varbyteLength() * (tag === TAG.table ? 2 : 1);
      for (let index = 0; index < values; index += 1) skip(reader, depth + 1);
      return;
    }
    default:
      throw new CodecError('unknown-tag', reader.offset - 1, `no value has the tag ${tag}`);
  }
}

function expectTag(reader: ByteReader, tag: number, what: string): void {
  const at = reader.offset;
  const found = reader.u8();
  if (found !== tag) throw malformed(at, `${what} begins with the tag ${tag}, not with ${found}`);
}

function malformed(offset: number, problem: string): CodecError {
  return new CodecError('bad-value', offset, problem);
}

/** The start of a batch message that so many messages follow. */
export function batchStart(size: number): Uint8Array {
  const writer = new ByteWriter(32);
  writeBatchStart(writer, size);
  return writer.take();
}
