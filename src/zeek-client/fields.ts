import type { Data } from '../broker/data.ts';
import { formatIpAddress } from '../broker/ip-address.ts';
import { NETWORK_TIMESTAMP, SEQUENCE_KEY, type ZeekEvent } from '../broker/zeek-event.ts';

/** An event's arguments, or a record's fields, by position; each gives undefined where the type is another. */

export function textAt(values: readonly Data[], index: number): string | undefined {
  const value = values[index];
  return value?.type === 'string' ? value.value : undefined;
}

export function countAt(values: readonly Data[], index: number): bigint | undefined {
  const value = values[index];
  return value?.type === 'count' ? value.value : undefined;
}

/** The fields of a record, the elements of a vector or set. */
export function valuesAt(values: readonly Data[], index: number): readonly Data[] | undefined {
  const value = values[index];
  return value?.type === 'vector' || value?.type === 'set' ? value.values : undefined;
}

export function textsAt(values: readonly Data[], index: number): readonly string[] | undefined {
  const texts = valuesAt(values, index)?.map((value) => (value.type === 'string' ? value.value : undefined));
  return texts?.every((text) => text !== undefined) ? texts : undefined;
}

export function addressesAt(values: readonly Data[], index: number): readonly string[] | undefined {
  return valuesAt(values, index)?.flatMap((value) =>
    value.type === 'address' ? [formatIpAddress(value)] : [],
  );
}

/** The name of an enum's value without its module. */
export function enumAt(values: readonly Data[], index: number): string | undefined {
  const value = values[index];
  return value?.type === 'enum' ? value.name.slice(value.name.lastIndexOf(':') + 1) : undefined;
}

export function timeAt(values: readonly Data[], index: number): bigint | undefined {
  const value = values[index];
  return value?.type === 'timestamp' ? value.nanoseconds : undefined;
}

/** What a row's metadata says: when osquery ran the query (ns since the epoch), and the row's number. */
export function rowMetadata(event: ZeekEvent): {
  readonly hostTime: bigint | undefined;
  readonly sequence: bigint | undefined;
} {
  const values = (key: bigint) =>
    event.metadata?.filter((pair) => pair.key === key).map(({ value }) => value);
  return {
    hostTime: timeAt(values(NETWORK_TIMESTAMP) ?? [], 0),
    sequence: countAt(values(SEQUENCE_KEY) ?? [], 0),
  };
}

/** `name(string, count, …)`, to say what came instead of what was expected. */
export function shape(event: ZeekEvent): string {
  const types = event.args.slice(0, 12).map(({ type }) => type);
  return `${event.name}(${types.join(', ')}${event.args.length > 12 ? ', …' : ''})`;
}
