import type { Data } from '../../broker/data.ts';
import { formatIpAddress, formatSubnet } from '../../broker/ip-address.ts';
import { printableJson } from '../../replay/printable.ts';
import type { ColumnNames } from '../../zeek-client/column-names.ts';
import type { ReceivedRow } from '../../zeek-client/model.ts';

/**
 * A row as one line of JSON: `time` is when it arrived, `host_time` when osquery ran the query. `columns` holds
 * `{name, type, value}` by position; `name` is there where it is known, `type` is Broker's. Numbers are exact to 64
 * bits, which not every reader of JSON keeps; bytes that are no UTF-8 are the lone surrogates U+DC80 to U+DCFF,
 * written as escapes (PEP 383).
 *
 * @param names only used if there are as many as values
 * @param time milliseconds since the epoch
 */
export function rowLine(row: ReceivedRow, names: ColumnNames | undefined, time: number): string {
  const fitting = names?.length === row.values.length ? names : [];
  const columns = row.values.map((value, index) => {
    const name = fitting[index];
    return `{${name === undefined ? '' : `"name":${JSON.stringify(name)},`}${typeAndValue(value)}}`;
  });
  const members = [
    `"time":"${new Date(time).toISOString()}"`,
    ...(row.hostTime === undefined ? [] : [`"host_time":"${isoTime(row.hostTime)}"`]),
    `"host":${JSON.stringify(row.host)}`,
    `"event":${JSON.stringify(row.event)}`,
    `"update":"${row.change}"`,
    ...(row.initial ? ['"initial":true'] : []),
    `"cookie":${JSON.stringify(row.cookie)}`,
    ...(row.sequence === undefined ? [] : [`"sequence":${row.sequence}`]),
    `"columns":[${columns.join(',')}]`,
  ];
  return printableJson(`{${members.join(',')}}`);
}

function typeAndValue(data: Data): string {
  return `"type":"${data.type}","value":${valueJson(data)}`;
}

/** A value in JSON. */
export function valueJson(data: Data): string {
  switch (data.type) {
    case 'none':
      return 'null';
    case 'boolean':
    case 'count':
    case 'integer':
      return String(data.value);
    case 'real':
      return realJson(data.value);
    case 'string':
      return JSON.stringify(data.value);
    case 'enum':
      return JSON.stringify(data.name);
    case 'address':
      return JSON.stringify(formatIpAddress(data));
    case 'subnet':
      return JSON.stringify(formatSubnet(data));
    case 'port':
      return `"${data.number}/${data.protocol}"`;
    case 'timestamp':
      return `"${isoTime(data.nanoseconds)}"`;
    case 'timespan':
      return `"${data.nanoseconds}ns"`;
    case 'set':
    case 'vector':
      return `[${data.values.map((value) => `{${typeAndValue(value)}}`).join(',')}]`;
    case 'table':
      return `[${data.entries.map(([key, value]) => `{"key":{${typeAndValue(key)}},"value":{${typeAndValue(value)}}}`).join(',')}]`;
    default:
      return data satisfies never;
  }
}

/** JSON has no word for what is no finite number. */
function realJson(value: number): string {
  if (Number.isFinite(value)) return Object.is(value, -0) ? '-0.0' : withPoint(String(value));
  return Number.isNaN(value) ? '"nan"' : value > 0 ? '"inf"' : '"-inf"';
}

function withPoint(digits: string): string {
  return /[.e]/.test(digits) ? digits : `${digits}.0`;
}

/** UTC, to the nanosecond where there are any. */
function isoTime(nanoseconds: bigint): string {
  const fraction = ((nanoseconds % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  const seconds = new Date(Number((nanoseconds - fraction) / 1_000_000n)).toISOString().replace('.000Z', '');
  const digits = String(fraction).padStart(9, '0').replace(/0{6}$/, '');
  return `${seconds}.${digits}Z`;
}
