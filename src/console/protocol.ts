import { count, type Data, string, timespan, timestamp, vector } from '../broker/data.ts';
import type { ZeekEvent } from '../broker/zeek-event.ts';
import type { ConsoleRequest, Item, ItemKind, Question } from './model.ts';

/** The events between consoles and a Zeek that loads `osquery/console` (zeek/osquery/console/messages.zeek). */

const MODULE = 'osquery::console::';

/** How a console calls itself to the WebSocket server, so that the Zeek knows whose connection closes. */
export function consoleName(client: string): string {
  return `bro-osquery-console:${client}`;
}

export interface ConsoleTopics {
  readonly requests: string;
  client(id: string): string;
}

export function consoleTopics(prefix: string): ConsoleTopics {
  return { requests: `${prefix}/console/requests`, client: (id) => `${prefix}/console/client/${id}` };
}

/** A request as the Zeek's event. */
export function encodeRequest(request: ConsoleRequest): ZeekEvent {
  const say = (name: string, ...args: Data[]): ZeekEvent => ({
    name: `${MODULE}${name}`,
    args: [string(request.client), ...args],
  });
  switch (request.type) {
    case 'open':
      return say('open_v1', string(request.user), string(request.version));
    case 'alive':
      return say('alive_v1', count(request.received));
    case 'close':
      return say('close_v1');
    case 'ask':
      return say('ask_v1', string(request.request), encodeQuestion(request.question));
    case 'stop':
      return say('stop_v1', string(request.request), string(request.reason));
    case 'list':
      return say('list_v1', string(request.request), string(request.what), string(request.host));
    default:
      return request satisfies never;
  }
}

function encodeQuestion(question: Question): Data {
  const texts = (values: readonly string[]) => vector(values.map(string));
  return vector([
    string(question.sql),
    texts(question.hosts),
    texts(question.groups),
    texts(question.subnets),
    count(question.interval),
    string(question.updateType),
    timespan(BigInt(Math.round(question.timeout)) * 1_000_000n),
    count(question.maxRows),
  ]);
}

/** Things of note for a console, as the Zeek's event. */
export function encodeItems(client: string, number: number, items: readonly Item[]): ZeekEvent {
  const records = items.map((item) =>
    vector([
      string(item.request),
      string(item.kind),
      string(item.host),
      count(item.number),
      timestamp(BigInt(Math.round(item.at)) * 1_000_000n),
      string(item.text),
      string(item.detail),
    ]),
  );
  return { name: `${MODULE}say_v1`, args: [string(client), count(number), vector(records)] };
}

export interface Said {
  readonly client: string;
  readonly number: number;
  readonly items: readonly Item[];
}

/** What a Zeek says to a console; undefined if it is something else. Items that are none are left out. */
export function decodeItems(event: ZeekEvent): Said | undefined {
  if (event.name !== `${MODULE}say_v1`) return undefined;
  const [client, number, items] = event.args;
  if (client?.type !== 'string' || number?.type !== 'count' || items?.type !== 'vector') return undefined;
  return {
    client: client.value,
    number: Number(number.value),
    items: items.values.flatMap((value) => decodeItem(value) ?? []),
  };
}

function decodeItem(value: Data): Item | undefined {
  if (value.type !== 'vector') return undefined;
  const [request, kind, host, number, at, text, detail] = value.values;
  if (
    request?.type !== 'string' ||
    kind?.type !== 'string' ||
    host?.type !== 'string' ||
    number?.type !== 'count' ||
    at?.type !== 'timestamp' ||
    text?.type !== 'string' ||
    detail?.type !== 'string'
  )
    return undefined;
  return {
    request: request.value,
    kind: kind.value as ItemKind,
    host: host.value,
    number: Number(number.value),
    at: Number(at.nanoseconds / 1_000_000n),
    text: text.value,
    detail: detail.value,
  };
}
