import { type Data, none, set, string, vector } from '../broker/data.ts';
import { parseIpAddress } from '../broker/ip-address.ts';
import type { ScalarType, ZeekType } from './model.ts';
import { toCount, toInteger, toReal } from './numbers.ts';

/**
 * Turns osquery's text into a value of the type that Zeek's scripts have for the column; NULL is an unset field. Times are
 * whole microseconds since the epoch, intervals whole nanoseconds, sets and records JSON arrays of texts. The result is
 * called for each row; undefined for a text that is no value of the type.
 */
export function zeekConverter(type: ZeekType, emptyIsUnset: boolean): (text: string) => Data | undefined {
  const convert = converterOf(type);
  const mayBeEmpty = type === 'string' && !emptyIsUnset;
  return (text) => (text === '' && !mayBeEmpty ? none : convert(text));
}

function converterOf(type: ZeekType): (text: string) => Data | undefined {
  if (typeof type === 'string') return SCALARS[type];
  if ('set' in type) {
    const element = SCALARS[type.set];
    return (text) => {
      const elements = listOf(text)?.map((one) => (one === null ? undefined : element(one)));
      return elements?.every((one) => one !== undefined) ? set(elements) : undefined;
    };
  }
  const fields = type.record.map((field) => SCALARS[field]);
  const isText = type.record.map((field) => field === 'string');
  return (text) => {
    const list = listOf(text);
    if (list?.length !== fields.length) return undefined;
    // As Zeek Agent has it: a field that is no value of its type is unset.
    return vector(
      list.map((one, at) =>
        one === null || (one === '' && !isText[at]) ? none : (fields[at]?.(one) ?? none),
      ),
    );
  };
}

function listOf(text: string): (string | null)[] | undefined {
  try {
    const list: unknown = JSON.parse(text);
    const isList = Array.isArray(list) && list.every((one) => one === null || typeof one === 'string');
    return isList ? list : undefined;
  } catch {
    return undefined;
  }
}

const SCALARS: Readonly<Record<ScalarType, (text: string) => Data | undefined>> = {
  // A zone is this host's own word and has no form in Broker.
  addr: (text) => parseIpAddress(text.replace(/%.*$/, '')),
  bool: (text) => (text === '0' || text === '1' ? { type: 'boolean', value: text === '1' } : undefined),
  count: toCount,
  double: toReal,
  int: toInteger,
  interval: (text) => scaled(text, 'timespan', 1n),
  string,
  time: (text) => scaled(text, 'timestamp', 1_000n),
};

/** Of a timestamp and a timespan Broker has 64 bits of nanoseconds. */
const MOST = 0x7fff_ffff_ffff_ffffn;

function scaled(text: string, type: 'timespan' | 'timestamp', nanoseconds: bigint): Data | undefined {
  const number = toInteger(text);
  if (number?.type !== 'integer') return undefined;
  const value = number.value * nanoseconds;
  return value > MOST || value < -MOST ? undefined : { type, nanoseconds: value };
}
