/**
 * Broker's data model (broker/data.hh): the fifteen kinds of value that Zeek and its peers exchange.
 * Values are immutable plain objects told apart by `type`. Numbers of 64 bits are bigints, never rounded;
 * a `string` may hold any bytes, see {@link file://../text/byte-text.ts}.
 */
export type Data =
  | NoneData
  | BooleanData
  | CountData
  | IntegerData
  | RealData
  | StringData
  | AddressData
  | SubnetData
  | PortData
  | TimestampData
  | TimespanData
  | EnumData
  | SetData
  | TableData
  | VectorData;

/** No value: an unset `&optional` field. */
export interface NoneData {
  readonly type: 'none';
}
export interface BooleanData {
  readonly type: 'boolean';
  readonly value: boolean;
}
/** Zeek's `count`: 0 to 2^64-1. */
export interface CountData {
  readonly type: 'count';
  readonly value: bigint;
}
/** Zeek's `int`: -2^63 to 2^63-1. */
export interface IntegerData {
  readonly type: 'integer';
  readonly value: bigint;
}
/** Zeek's `double`. */
export interface RealData {
  readonly type: 'real';
  readonly value: number;
}
export interface StringData {
  readonly type: 'string';
  readonly value: string;
}
/** Zeek's `addr`: 16 bytes, IPv4 as ::ffff:a.b.c.d. */
export interface AddressData {
  readonly type: 'address';
  readonly bytes: Uint8Array;
}
/** Zeek's `subnet`: the network's 16 bytes and the prefix length among 128 bits (IPv4: its own plus 96). */
export interface SubnetData {
  readonly type: 'subnet';
  readonly bytes: Uint8Array;
  readonly length: number;
}
export type PortProtocol = 'unknown' | 'tcp' | 'udp' | 'icmp';
/** Zeek's `port`: 0 to 65535 and a protocol. */
export interface PortData {
  readonly type: 'port';
  readonly number: number;
  readonly protocol: PortProtocol;
}
/** Zeek's `time`: nanoseconds since the epoch. */
export interface TimestampData {
  readonly type: 'timestamp';
  readonly nanoseconds: bigint;
}
/** Zeek's `interval`: nanoseconds. */
export interface TimespanData {
  readonly type: 'timespan';
  readonly nanoseconds: bigint;
}
/** A Zeek enum's value by name, with its module: `osquery::ADD`. */
export interface EnumData {
  readonly type: 'enum';
  readonly name: string;
}
export interface SetData {
  readonly type: 'set';
  readonly values: readonly Data[];
}
export interface TableData {
  readonly type: 'table';
  readonly entries: readonly (readonly [key: Data, value: Data])[];
}
/** A Zeek vector, list or record (fields in order); also a function or event in an `any`. */
export interface VectorData {
  readonly type: 'vector';
  readonly values: readonly Data[];
}

export const none: NoneData = { type: 'none' };
export const boolean = (value: boolean): BooleanData => ({ type: 'boolean', value });
/** @throws RangeError for a fraction, or outside 0..2^64-1 */
export function count(value: bigint | number): CountData {
  return { type: 'count', value: within(BigInt(value), 0n, 0xffff_ffff_ffff_ffffn, 'count') };
}
/** @throws RangeError for a fraction, or outside -2^63..2^63-1 */
export function integer(value: bigint | number): IntegerData {
  const limit = 0x8000_0000_0000_0000n;
  return { type: 'integer', value: within(BigInt(value), -limit, limit - 1n, 'integer') };
}
export const real = (value: number): RealData => ({ type: 'real', value });
export const string = (value: string): StringData => ({ type: 'string', value });
export const port = (number: number, protocol: PortProtocol): PortData => ({
  type: 'port',
  number,
  protocol,
});
export const timestamp = (nanoseconds: bigint): TimestampData => ({ type: 'timestamp', nanoseconds });
export const timespan = (nanoseconds: bigint): TimespanData => ({ type: 'timespan', nanoseconds });
export const enumValue = (name: string): EnumData => ({ type: 'enum', name });
export const set = (values: readonly Data[]): SetData => ({ type: 'set', values });
export const table = (entries: readonly (readonly [Data, Data])[]): TableData => ({ type: 'table', entries });
export const vector = (values: readonly Data[]): VectorData => ({ type: 'vector', values });

function within(value: bigint, low: bigint, high: bigint, what: string): bigint {
  if (value < low || value > high)
    throw new RangeError(`${value} is not a valid Broker ${what} (${low}..${high})`);
  return value;
}
