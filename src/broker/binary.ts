import { ByteReader } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';
import { CodecError } from './codec-error.ts';
import { type Data, none, type PortProtocol } from './data.ts';

/** Tags of Broker's binary format v1 (broker/format/bin.hh, broker/data.hh), in the order of their numbers. */
const TAG = {
  none: 0,
  boolean: 1,
  count: 2,
  integer: 3,
  real: 4,
  string: 5,
  address: 6,
  subnet: 7,
  port: 8,
  timestamp: 9,
  timespan: 10,
  enum: 11,
  set: 12,
  table: 13,
  vector: 14,
} as const satisfies Record<Data['type'], number>;

const PROTOCOLS: readonly PortProtocol[] = ['unknown', 'tcp', 'udp', 'icmp'];

/** Deepest nesting read or written. Zeek's records hold records and vectors; nobody's hold a hundred. */
export const MAX_DEPTH = 100;
/** Most values in one message: what keeps a frame full of one-byte values from taking memory many times its own. */
export const MAX_VALUES = 1_000_000;

/** The value that the bytes are, all of them. @throws CodecError */
export function decodeData(bytes: Uint8Array): Data {
  const reader = new ByteReader(bytes);
  const data = readData(reader);
  reader.end();
  return data;
}

/** @throws CodecError `too-deep`, `bad-value` (a port or prefix length out of range, an address not of 16 bytes) */
export function writeData(writer: ByteWriter, data: Data, depth = 0): void {
  writer.u8(TAG[data.type]);
  switch (data.type) {
    case 'none':
      return;
    case 'boolean':
      writer.u8(data.value ? 1 : 0);
      return;
    case 'count':
      writer.u64(data.value);
      return;
    case 'integer':
      writer.i64(data.value);
      return;
    case 'real':
      writer.f64(data.value);
      return;
    case 'string':
      writer.text(data.value);
      return;
    case 'address':
      writer.bytes(address(writer, data.bytes));
      return;
    case 'subnet':
      writer.bytes(address(writer, data.bytes)).u8(within(writer.length, data.length, 128, 'prefix length'));
      return;
    case 'port':
      writer.u16(within(writer.length, data.number, 0xffff, 'port')).u8(PROTOCOLS.indexOf(data.protocol));
      return;
    case 'timestamp':
    case 'timespan':
      writer.i64(data.nanoseconds);
      return;
    case 'enum':
      writer.text(data.name);
      return;
    case 'set':
    case 'vector': {
      const inner = deeper(writer.length, depth);
      writer.varbyte(data.values.length);
      for (const value of data.values) writeData(writer, value, inner);
      return;
    }
    case 'table': {
      const inner = deeper(writer.length, depth);
      writer.varbyte(data.entries.length);
      for (const [key, value] of data.entries) {
        writeData(writer, key, inner);
        writeData(writer, value, inner);
      }
      return;
    }
    default:
      data satisfies never;
  }
}

/** Reads one value, leaves what follows. @throws CodecError */
export function readData(reader: ByteReader): Data {
  return readValue(reader, 0, { left: MAX_VALUES });
}

function readValue(reader: ByteReader, depth: number, budget: { left: number }): Data {
  const at = reader.offset;
  budget.left -= 1;
  if (budget.left < 0) throw new CodecError('too-many', at, `more than ${MAX_VALUES} values in one message`);
  const tag = reader.u8();
  switch (tag) {
    case TAG.none:
      return none;
    case TAG.boolean:
      return { type: 'boolean', value: within(at, reader.u8(), 1, 'boolean') === 1 };
    case TAG.count:
      return { type: 'count', value: reader.u64() };
    case TAG.integer:
      return { type: 'integer', value: reader.i64() };
    case TAG.real:
      return { type: 'real', value: reader.f64() };
    case TAG.string:
      return { type: 'string', value: reader.text(reader.varbyteLength()) };
    case TAG.address:
      return { type: 'address', bytes: reader.bytes(16) };
    case TAG.subnet:
      return {
        type: 'subnet',
        bytes: reader.bytes(16),
        length: within(at, reader.u8(), 128, 'prefix length'),
      };
    case TAG.port:
      return { type: 'port', number: reader.u16(), protocol: protocol(at, reader.u8()) };
    case TAG.timestamp:
      return { type: 'timestamp', nanoseconds: reader.i64() };
    case TAG.timespan:
      return { type: 'timespan', nanoseconds: reader.i64() };
    case TAG.enum:
      return { type: 'enum', name: reader.text(reader.varbyteLength()) };
    case TAG.set:
      return { type: 'set', values: readValues(reader, at, depth, budget) };
    case TAG.table:
      return { type: 'table', entries: readEntries(reader, at, depth, budget) };
    case TAG.vector:
      return { type: 'vector', values: readValues(reader, at, depth, budget) };
    default:
      throw new CodecError('unknown-tag', at, `unknown data type tag ${tag}`);
  }
}

function readValues(reader: ByteReader, at: number, depth: number, budget: { left: number }): Data[] {
  const inner = deeper(at, depth);
  const count = reader.varbyteLength();
  const values: Data[] = [];
  for (let index = 0; index < count; index += 1) values.push(readValue(reader, inner, budget));
  return values;
}

function readEntries(
  reader: ByteReader,
  at: number,
  depth: number,
  budget: { left: number },
): [Data, Data][] {
  const inner = deeper(at, depth);
  const count = reader.varbyteLength(2);
  const entries: [Data, Data][] = [];
  for (let index = 0; index < count; index += 1) {
    const key = readValue(reader, inner, budget);
    entries.push([key, readValue(reader, inner, budget)]);
  }
  return entries;
}

function deeper(at: number, depth: number): number {
  if (depth >= MAX_DEPTH) throw new CodecError('too-deep', at, `values nested deeper than ${MAX_DEPTH}`);
  return depth + 1;
}

function within(at: number, value: number, most: number, what: string): number {
  if (Number.isInteger(value) && value >= 0 && value <= most) return value;
  throw new CodecError('bad-value', at, `${value} is not a valid ${what} (0..${most})`);
}

function address(writer: ByteWriter, bytes: Uint8Array): Uint8Array {
  if (bytes.length === 16) return bytes;
  throw new CodecError('bad-value', writer.length, `an address of ${bytes.length} bytes instead of 16`);
}

function protocol(at: number, number: number): PortProtocol {
  const name = PROTOCOLS[number];
  if (name === undefined) throw new CodecError('bad-value', at, `unknown port protocol ${number}`);
  return name;
}
