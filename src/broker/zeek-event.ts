import { writeData } from './binary.ts';
import type { ByteWriter } from './byte-writer.ts';
import { count, type Data, string, type VectorData, vector } from './data.ts';

/** An event of Zeek's script layer, as it travels in a Broker data message. */
export interface ZeekEvent {
  /** With its module: `osquery::host_subscribe`. */
  readonly name: string;
  readonly args: readonly Data[];
  readonly metadata?: readonly EventMetadata[];
}

/** Broker's key for the time at which an event came about. */
export const NETWORK_TIMESTAMP = 1n;
/** Our key for the number of the row that the event is, among those that Broker leaves to its users (from 200). */
export const SEQUENCE_KEY = 200n;

export interface EventMetadata {
  readonly key: bigint;
  readonly value: Data;
}

/** A message to or from a topic. */
export interface TopicEvent {
  readonly topic: string;
  readonly event: ZeekEvent;
}

/** What a Broker data message turned out to be (broker/zeek.hh). */
export type Message =
  | { readonly type: 'event'; readonly event: ZeekEvent }
  /** Log records (2, 3) and identifier updates (4) are among Zeeks; later numbers may come. */
  | { readonly type: 'other'; readonly number: bigint }
  | { readonly type: 'malformed'; readonly problem: string };

const FORMAT = 1n;
const EVENT = 1n;
const BATCH = 5n;
/** How deep an event's arguments lie in a batch message. */
const ARGUMENT_DEPTH = 5;

/** The message that carries the event: `[count 1, count 1, [name, args, metadata?]]`. */
export function eventToData(event: ZeekEvent): VectorData {
  const content: Data[] = [string(event.name), vector(event.args)];
  if (event.metadata) {
    content.push(vector(event.metadata.map(({ key, value }) => vector([count(key), value]))));
  }
  return vector([count(FORMAT), count(EVENT), vector(content)]);
}

/** Writes what {@link eventToData} stands for, without making it. */
export function writeEvent(writer: ByteWriter, event: ZeekEvent): void {
  writeEventStart(writer, event.name, event.args.length, event.metadata !== undefined);
  for (const arg of event.args) writeArgument(writer, arg);
  if (event.metadata) writeMetadata(writer, event.metadata);
}

/** Writes an event up to its arguments, of which so many must follow, and metadata if it is to have some. */
export function writeEventStart(writer: ByteWriter, name: string, args: number, hasMetadata: boolean): void {
  writeHeader(writer, EVENT)
    .u8(14)
    .varbyte(hasMetadata ? 3 : 2);
  writer.u8(5).text(name);
  writer.u8(14).varbyte(args);
}

/** Writes an argument of an event. @throws CodecError as `writeData` */
export function writeArgument(writer: ByteWriter, arg: Data): void {
  writeData(writer, arg, ARGUMENT_DEPTH);
}

export function writeMetadata(writer: ByteWriter, metadata: readonly EventMetadata[]): void {
  const pairs = vector(metadata.map(({ key, value }) => vector([count(key), value])));
  writeData(writer, pairs, ARGUMENT_DEPTH - 1);
}

/**
 * Writes the start of a batch message, `[count 1, count 5, [message, …]]`; exactly `size` messages must follow. Zeek
 * takes each as if alone.
 */
export function writeBatchStart(writer: ByteWriter, size: number): void {
  writeHeader(writer, BATCH).u8(14).varbyte(size);
}

function writeHeader(writer: ByteWriter, kind: bigint): ByteWriter {
  return writer.u8(14).varbyte(3).u8(2).u64(FORMAT).u8(2).u64(kind);
}

/** The messages that the value holds: one, or those of a batch in their order. Never throws. */
export function readMessages(data: Data): Message[] {
  const messages: Message[] = [];
  collect(data, messages);
  return messages;
}

function collect(data: Data, into: Message[]): void {
  const values = data.type === 'vector' ? data.values : [];
  const [format, kind, content] = values;
  if (format?.type !== 'count' || kind?.type !== 'count' || content === undefined) {
    into.push(malformed(`expected a message [count format, count type, content], got ${describe(data)}`));
  } else if (format.value !== FORMAT) {
    into.push(malformed(`unknown message format ${format.value}, expected ${FORMAT}`));
  } else if (kind.value === BATCH) {
    if (content.type === 'vector') for (const message of content.values) collect(message, into);
    else into.push(malformed(`expected a batch with a vector of messages, got ${describe(content)}`));
  } else if (kind.value === EVENT) {
    into.push(readEvent(content));
  } else {
    into.push({ type: 'other', number: kind.value });
  }
}

function readEvent(content: Data): Message {
  const [name, args, metadata, ...more] = content.type === 'vector' ? content.values : [];
  if (name?.type !== 'string' || args?.type !== 'vector' || more.length > 0) {
    return malformed(
      `expected an event [string name, vector args, vector metadata?], got ${describe(content)}`,
    );
  }
  if (metadata === undefined) return { type: 'event', event: { name: name.value, args: args.values } };
  const pairs = readMetadata(metadata);
  if (pairs === undefined) {
    const wanted = 'a vector of [count key, value]';
    return malformed(`metadata of ${name.value} must be ${wanted}, got ${describe(metadata)}`);
  }
  return { type: 'event', event: { name: name.value, args: args.values, metadata: pairs } };
}

function readMetadata(data: Data): EventMetadata[] | undefined {
  // Zeek leaves the vector empty or out where there is none; `none` is treated alike.
  if (data.type === 'none') return [];
  if (data.type !== 'vector') return undefined;
  const pairs: EventMetadata[] = [];
  for (const pair of data.values) {
    const [key, value, ...more] = pair.type === 'vector' ? pair.values : [];
    if (key?.type !== 'count' || value === undefined || more.length > 0) return undefined;
    pairs.push({ key: key.value, value });
  }
  return pairs;
}

function malformed(problem: string): Message {
  return { type: 'malformed', problem };
}

/** The value's kind and, of a vector, those of its first elements. */
function describe(data: Data): string {
  if (data.type !== 'vector') return data.type;
  const kinds = data.values.slice(0, 4).map((value) => value.type);
  return `[${kinds.join(', ')}${data.values.length > 4 ? ', …' : ''}]`;
}
