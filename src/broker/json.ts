import { MAX_DEPTH } from './binary.ts';
import { CodecError } from './codec-error.ts';
import { count, type Data, integer, none, type PortProtocol, port, timespan, timestamp } from './data.ts';
import { formatIpAddress, formatSubnet, parseIpAddress, parseSubnet } from './ip-address.ts';
import { type JsonObject, type JsonValue, printJsonString } from './json-text.ts';
import { parseTimespan, parseTimestamp, printTimespan, printTimestamp } from './json-time.ts';

/**
 * Broker's JSON form of its values (broker/format/json.hh, Zeek's WebSocket API v1): objects of `@data-type` and
 * `data`. Integers are exact to 64 bits both ways.
 */

/**
 * The members of the value's object, as they stand inside a data message.
 * @throws CodecError `too-deep`, `bad-value` (a real that is no number)
 */
export function dataMembers(data: Data, depth = 0): string {
  switch (data.type) {
    case 'none':
      return member('none', '{}');
    case 'boolean':
      return member('boolean', String(data.value));
    case 'count':
    case 'integer':
      return member(data.type, data.value.toString());
    case 'real':
      return member('real', printReal(data.value));
    case 'string':
      return member('string', printJsonString(data.value));
    case 'address':
      return member('address', `"${formatIpAddress(data)}"`);
    case 'subnet':
      return member('subnet', `"${formatSubnet(data)}"`);
    case 'port':
      return member('port', `"${data.number}/${data.protocol === 'unknown' ? '?' : data.protocol}"`);
    case 'timestamp':
      return member('timestamp', `"${printTimestamp(data.nanoseconds)}"`);
    case 'timespan':
      return member('timespan', `"${printTimespan(data.nanoseconds)}"`);
    case 'enum':
      return member('enum-value', printJsonString(data.name));
    case 'set':
    case 'vector':
      return member(data.type, list(data.values, depth));
    case 'table': {
      const inner = deeper(depth);
      const entries = data.entries.map(
        ([key, value]) => `{"key":{${dataMembers(key, inner)}},"value":{${dataMembers(value, inner)}}}`,
      );
      return member('table', `[${entries.join(',')}]`);
    }
    default:
      return data satisfies never;
  }
}

/** The value of an object that has `@data-type` and `data`, other members passed over. @throws CodecError */
export function readData(object: JsonObject, depth = 0): Data {
  const type = object.get('@data-type');
  const data = object.get('data');
  switch (type) {
    case 'none':
      return none;
    case 'boolean':
      if (typeof data !== 'boolean') throw bad('a boolean', data);
      return { type, value: data };
    case 'count':
      return inRange(() => count(whole(data)), data);
    case 'integer':
      return inRange(() => integer(whole(data)), data);
    case 'real':
      return { type, value: readReal(data) };
    case 'string':
      return { type, value: text(data) };
    case 'address':
      return parseIpAddress(text(data)) ?? fail('an address', data);
    case 'subnet':
      return parseSubnet(text(data)) ?? fail('a subnet', data);
    case 'port':
      return readPort(text(data));
    case 'timestamp':
      return timestamp(readTime(parseTimestamp, 'a timestamp (ISO 8601)', text(data)));
    case 'timespan':
      return timespan(readTime(parseTimespan, 'a timespan', text(data)));
    case 'enum-value':
      return { type: 'enum', name: text(data) };
    case 'set':
    case 'vector': {
      const inner = deeper(depth);
      return { type, values: items(data).map((item) => readData(record(item), inner)) };
    }
    case 'table': {
      const inner = deeper(depth);
      return {
        type,
        entries: items(data).map((item) => {
          const entry = record(item);
          return [readData(record(entry.get('key')), inner), readData(record(entry.get('value')), inner)];
        }),
      };
    }
    default:
      throw new CodecError('unknown-tag', 0, `unknown data type ${JSON.stringify(type)}`);
  }
}

function member(type: string, data: string): string {
  return `"@data-type":"${type}","data":${data}`;
}

function list(values: readonly Data[], depth: number): string {
  const inner = deeper(depth);
  return `[${values.map((value) => `{${dataMembers(value, inner)}}`).join(',')}]`;
}

/** A real must have a point or an exponent: Zeek takes `1` for an integer and refuses the message. */
export function printReal(value: number): string {
  if (!Number.isFinite(value)) throw new CodecError('bad-value', 0, `JSON can't represent the real ${value}`);
  const digits = Object.is(value, -0) ? '-0' : String(value);
  return /[.e]/.test(digits) ? digits : `${digits}.0`;
}

function readReal(data: JsonValue | undefined): number {
  const digits = numeral(data);
  const word = /^(-?)(nan|inf)$/.exec(digits);
  if (word) return word[2] === 'nan' ? Number.NaN : word[1] === '-' ? -Infinity : Infinity;
  // Zeek refuses a real that looks like an integer, so nobody may get used to it here.
  if (!/[.eE]/.test(digits)) throw bad('a real (with a point or an exponent)', data);
  return Number(digits);
}

const PROTOCOLS: Readonly<Record<string, PortProtocol>> = {
  tcp: 'tcp',
  udp: 'udp',
  icmp: 'icmp',
  '?': 'unknown',
  unknown: 'unknown',
};

function readPort(value: string): Data {
  const [, digits = '', name = ''] = /^(\d{1,5})\/(\w+|\?)$/.exec(value) ?? [];
  const protocol = PROTOCOLS[name];
  if (digits === '' || protocol === undefined || Number(digits) > 0xffff) throw bad('a port', value);
  return port(Number(digits), protocol);
}

function whole(data: JsonValue | undefined): bigint {
  const digits = numeral(data);
  if (!/^-?\d{1,20}$/.test(digits)) throw bad('a whole number', data);
  return BigInt(digits);
}

function numeral(data: JsonValue | undefined): string {
  if (typeof data !== 'object' || data === null || !('digits' in data)) throw bad('a number', data);
  return data.digits;
}

function inRange(make: () => Data, data: JsonValue | undefined): Data {
  try {
    return make();
  } catch (error) {
    if (error instanceof RangeError) throw bad('a number of 64 bits', data);
    throw error;
  }
}

function readTime(parse: (text: string) => bigint | undefined, what: string, text: string): bigint {
  const value = parse(text) ?? fail(what, text);
  return BigInt.asIntN(64, value) === value ? value : fail('a time of 64 bits of nanoseconds', text);
}

function text(data: JsonValue | undefined): string {
  if (typeof data !== 'string') throw bad('a string', data);
  return data;
}

function items(data: JsonValue | undefined): readonly JsonValue[] {
  if (!Array.isArray(data)) throw bad('an array', data);
  return data;
}

function record(data: JsonValue | undefined): JsonObject {
  if (!(data instanceof Map)) throw bad('an object', data);
  return data;
}

function deeper(depth: number): number {
  if (depth >= MAX_DEPTH) throw new CodecError('too-deep', 0, `values nested deeper than ${MAX_DEPTH}`);
  return depth + 1;
}

function fail(wanted: string, data: JsonValue | undefined): never {
  throw bad(wanted, data);
}

function bad(wanted: string, data: JsonValue | undefined): CodecError {
  const found = data instanceof Map ? 'an object' : Array.isArray(data) ? 'an array' : JSON.stringify(data);
  return new CodecError('bad-value', 0, `expected ${wanted}, got ${String(found).slice(0, 80)}`);
}
