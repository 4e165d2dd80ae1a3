import type { Data } from '../broker/data.ts';
import type { ZeekEvent } from '../broker/zeek-event.ts';
import { UPDATE_TYPES } from '../vocabulary/model.ts';
import type { ConsoleRequest, ListName, Question } from './model.ts';

const MODULE = 'osquery::console::';
const LISTS: readonly string[] = ['hosts', 'host', 'queries', 'activity'] satisfies ListName[];

/** A console's request, for who takes a Zeek's place; undefined if it is something else. */
export function decodeRequest({ name, args }: ZeekEvent): ConsoleRequest | undefined {
  if (!name.startsWith(MODULE)) return undefined;
  const texts = args.map((arg) => (arg.type === 'string' ? arg.value : undefined));
  const [client, second, third, fourth] = texts;
  if (client === undefined) return undefined;
  const number = args[1];
  switch (name.slice(MODULE.length)) {
    case 'open_v1':
      if (second === undefined || third === undefined) return undefined;
      return { type: 'open', client, user: second, version: third };
    case 'alive_v1':
      return number?.type === 'count' ? { type: 'alive', client, received: Number(number.value) } : undefined;
    case 'close_v1':
      return { type: 'close', client };
    case 'ask_v1': {
      const question = decodeQuestion(args[2]);
      return second === undefined || !question
        ? undefined
        : { type: 'ask', client, request: second, question };
    }
    case 'stop_v1':
      if (second === undefined || third === undefined) return undefined;
      return { type: 'stop', client, request: second, reason: third };
    case 'list_v1':
      if (second === undefined || third === undefined || fourth === undefined) return undefined;
      if (!LISTS.includes(third)) return undefined;
      return { type: 'list', client, request: second, what: third as ListName, host: fourth };
    default:
      return undefined;
  }
}

function decodeQuestion(data: Data | undefined): Question | undefined {
  if (data?.type !== 'vector') return undefined;
  const [sql, hosts, groups, subnets, interval, updateType, timeout, maxRows] = data.values;
  const update = UPDATE_TYPES.find((one) => updateType?.type === 'string' && one === updateType.value);
  if (sql?.type !== 'string' || interval?.type !== 'count' || maxRows?.type !== 'count') return undefined;
  if (timeout?.type !== 'timespan' || update === undefined) return undefined;
  return {
    sql: sql.value,
    hosts: textsOf(hosts),
    groups: textsOf(groups),
    subnets: textsOf(subnets),
    interval: Number(interval.value),
    updateType: update,
    timeout: Number(timeout.nanoseconds / 1_000_000n),
    maxRows: Number(maxRows.value),
  };
}

function textsOf(data: Data | undefined): readonly string[] {
  if (data?.type !== 'vector') return [];
  return data.values.flatMap((value) => (value.type === 'string' ? [value.value] : []));
}
