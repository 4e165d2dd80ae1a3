import { createHash } from 'node:crypto';
import type { MsgHdrs } from 'nats';
import { CodecError } from '../broker/codec-error.ts';
import { EncodedEvent } from '../broker/encoded-event.ts';
import { eventMembers } from '../broker/encoded-json.ts';
import { readData } from '../broker/json.ts';
import { type JsonObject, type JsonValue, parseJson } from '../broker/json-text.ts';
import { readMessages, SEQUENCE_KEY, type ZeekEvent } from '../broker/zeek-event.ts';
import { decodeText, encodeText } from '../text/byte-text.ts';
import { binaryEvents, binaryTopic } from './binary-events.ts';

/**
 * What hosts and Bros say over NATS. Events are in the form of Zeek's WebSocket API, so that they can be handed on
 * to a Zeek as they are; the rest is how the two find each other, which Broker and WebSocket have in their handshakes.
 */
export type NatsMessage =
  | { readonly type: 'events'; readonly topic: string; readonly events: readonly ZeekEvent[] }
  /** A host asks for the Bro, and says who it is and what it listens to. */
  | {
      readonly type: 'hello';
      readonly host: string;
      readonly endpoint: string;
      readonly filter: readonly string[];
    }
  /**
   * The Bro, in answer or now and then. `filter`: topic prefixes that it listens to. `confirms`: it answers a ping
   * after it has taken in all that came before. `session` counts its connections: with each it has lost its hosts.
   * `binary`: it takes events in Broker's binary form. `gateway`: a gateway says it, for the Zeek `id` behind it.
   */
  | {
      readonly type: 'bro';
      readonly id: string;
      readonly version: string;
      readonly filter: readonly string[];
      readonly confirms: boolean;
      readonly session: number;
      readonly binary: boolean;
      readonly gateway?: GatewayPresence;
    }
  /** A host's subscriptions have changed. */
  | { readonly type: 'filter'; readonly filter: readonly string[] }
  /** The one who says it goes, in good order. */
  | { readonly type: 'gone'; readonly id: string }
  | { readonly type: 'ping' }
  | { readonly type: 'pong' }
  /** In answer to a ping: the Bro doesn't know this host (any more), which should say hello again. */
  | { readonly type: 'stranger' }
  /** In answer to a hello: the host may not come in. */
  | { readonly type: 'refused'; readonly reason: string };

/** One of the gateways that share the hosts of a prefix. */
export interface GatewayPresence {
  /** Another with each start. */
  readonly id: string;
  /** Among so many partitions hosts are divided. */
  readonly partitions: number;
  /** The partitions whose hosts it serves, and the number of the lease: another one means that it began anew. */
  readonly leases: Readonly<Record<string, number>>;
}

/** Header of all that a host sends: its id, as a token. */
export const HOST_HEADER = 'Osquery-Host';
/** Longest list of topics that is read. */
const MAX_FILTER = 10_000;

/** @throws CodecError `bad-value` (a real that is no number), `too-deep` */
export function encodeEvent(topic: string, event: ZeekEvent): Uint8Array {
  return encodeText(`{"type":"data-message","topic":${jsonText(topic)},${eventMembers(event)}}`);
}

export function encodeMessage(message: Exclude<NatsMessage, { readonly type: 'events' }>): Uint8Array {
  return Buffer.from(JSON.stringify(message));
}

/** @throws CodecError */
export function decodeMessage(payload: Uint8Array): NatsMessage {
  const object = parseJson(decodeText(payload));
  if (!(object instanceof Map)) throw bad('a JSON object');
  const type = object.get('type');
  switch (type) {
    case 'data-message':
      return { type: 'events', topic: member(object, 'topic'), events: eventsIn(object) };
    case 'hello':
      return {
        type,
        host: member(object, 'host'),
        endpoint: member(object, 'endpoint'),
        filter: topics(object.get('filter')),
      };
    case 'bro':
      return {
        type,
        id: member(object, 'id'),
        version: member(object, 'version'),
        filter: topics(object.get('filter')),
        confirms: object.get('confirms') === true,
        session: number(object.get('session')),
        binary: object.get('binary') === true,
        ...gatewayIn(object.get('gateway')),
      };
    case 'filter':
      return { type, filter: topics(object.get('filter')) };
    case 'gone':
      return { type, id: member(object, 'id') };
    case 'ping':
    case 'pong':
    case 'stranger':
      return { type };
    case 'refused':
      return { type, reason: member(object, 'reason') };
    default:
      throw bad(`a known type, not ${JSON.stringify(type)?.slice(0, 40)}`);
  }
}

/** A message as it came on a subject, or in words why it can't be read. */
export function readMessage(raw: {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers?: Pick<MsgHdrs, 'get'> | undefined;
}): { readonly message: NatsMessage } | { readonly problem: string } {
  try {
    const topic = binaryTopic(raw.headers);
    if (topic !== undefined) return { message: { type: 'events', topic, events: binaryEvents(raw.data) } };
    return { message: decodeMessage(raw.data) };
  } catch (error) {
    if (!(error instanceof CodecError)) throw error;
    return { problem: `invalid message on ${raw.subject}: ${error.message} (${error.code})` };
  }
}

/** The number of the row that the event is, undefined for every other event. */
export function sequenceOf(event: ZeekEvent): bigint | undefined {
  if (event instanceof EncodedEvent) return BigInt(event.sequence);
  const value = event.metadata?.find(({ key }) => key === SEQUENCE_KEY)?.value;
  return value?.type === 'count' ? value.value : undefined;
}

/**
 * What tells a message of rows from every other in a stream, and is the same whenever it is sent again. An event of
 * osquery's has one number in all the queries that it satisfies, so the numbers alone would not do.
 * @param first the number of its first row
 * @param last that of its last
 */
export function messageId(host: string, first: bigint, last: bigint, payload: Uint8Array): string {
  const digest = createHash('sha256').update(payload).digest('base64url').slice(0, 16);
  return `${host}.${first === last ? first : `${first}-${last}`}.${digest}`;
}

function gatewayIn(value: JsonValue | undefined): { readonly gateway?: GatewayPresence } {
  if (!(value instanceof Map)) return {};
  const leases = value.get('leases');
  if (!(leases instanceof Map)) throw bad('a gateway with its leases');
  return {
    gateway: {
      id: member(value, 'id'),
      partitions: number(value.get('partitions')),
      leases: Object.fromEntries([...leases].map(([partition, lease]) => [partition, number(lease)])),
    },
  };
}

function eventsIn(object: JsonObject): ZeekEvent[] {
  return readMessages(readData(object)).flatMap((message) => {
    if (message.type === 'malformed') throw bad(`an event: ${message.problem}`);
    return message.type === 'event' ? [message.event] : [];
  });
}

function member(object: JsonObject, name: string): string {
  const value = object.get(name);
  if (typeof value !== 'string') throw bad(`a message with "${name}", a string`);
  return value;
}

function number(value: JsonValue | undefined): number {
  return typeof value === 'object' && value !== null && 'digits' in value ? Number(value.digits) : 0;
}

function topics(value: JsonValue | undefined): readonly string[] {
  if (!Array.isArray(value) || value.length > MAX_FILTER) throw bad('a list of topics');
  return value.map((topic) => {
    if (typeof topic !== 'string') throw bad('a list of topics');
    return topic;
  });
}

/** As a JSON string, in which bytes that are no UTF-8 stand as they are: a payload of NATS may hold any. */
function jsonText(text: string): string {
  if (text.isWellFormed()) return JSON.stringify(text);
  const parts = text
    .split(/(\p{Cs})/u)
    .map((part, at) => (at % 2 === 1 ? part : JSON.stringify(part).slice(1, -1)));
  return `"${parts.join('')}"`;
}

function bad(wanted: string): CodecError {
  return new CodecError('bad-json', 0, `a NATS message must be ${wanted}`);
}
