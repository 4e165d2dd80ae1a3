import { CodecError } from './codec-error.ts';
import type { Data } from './data.ts';
import { eventMembers } from './encoded-json.ts';
import { readData } from './json.ts';
import { type JsonValue, parseJson, printJsonString } from './json-text.ts';
import type { ZeekEvent } from './zeek-event.ts';

/** A text frame of Zeek's WebSocket API (v1), whoever sent it. */
export type WebSocketMessage =
  /** The server: subscriptions are active. */
  | { readonly type: 'ack'; readonly endpoint: string; readonly version: string }
  | { readonly type: 'data-message'; readonly topic: string; readonly data: Data }
  /** The server could not do something with what came before; it doesn't say with which message. */
  | { readonly type: 'error'; readonly code: string; readonly context: string }
  /** It has no topic: see {@link FENCE}. */
  | { readonly type: 'fence' }
  /** Of a type that this program doesn't know. */
  | { readonly type: 'other'; readonly name: string };

/**
 * A message that every Zeek from 8.0 on answers with the error {@link FENCE_ERROR}, in turn with what was sent before it, and
 * does nothing else with: a well-formed value without a topic.
 */
export const FENCE = '{"type":"data-message","@data-type":"count","data":1}';
export const FENCE_ERROR = 'no topic in top-level JSON object';

/** The Zeek that acked: of what its ack calls us, the id before the part that counts its clients. */
export function incarnationOf(endpoint: string): string {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(endpoint)?.[0] ?? endpoint;
}

/** The first frame of a client. */
export function encodeSubscriptions(filter: readonly string[]): string {
  return `[${filter.map(printJsonString).join(',')}]`;
}

/** The topic prefixes of a client's first frame, or the context of Zeek's error. */
export function decodeSubscriptions(text: string): readonly string[] | { readonly problem: string } {
  const value = attempt(() => parseJson(text));
  if (!Array.isArray(value)) return { problem: 'subscriptions not an array' };
  const topics: readonly JsonValue[] = value;
  return topics.every((topic) => typeof topic === 'string')
    ? topics
    : { problem: 'individual subscription not a string' };
}

export function encodeEvent(topic: string, event: ZeekEvent): string {
  return `{"type":"data-message","topic":${printJsonString(topic)},${eventMembers(event)}}`;
}

export function encodeAck(endpoint: string, version: string): string {
  return JSON.stringify({ type: 'ack', endpoint, version });
}

export function encodeError(code: string, context: string): string {
  return JSON.stringify({ type: 'error', code, context });
}

/** @throws CodecError */
export function decodeMessage(text: string): WebSocketMessage {
  const object = parseJson(text);
  if (!(object instanceof Map)) throw new CodecError('bad-json', 0, 'a message must be a JSON object');
  const member = (name: string) => textOf(object.get(name));
  switch (object.get('type')) {
    case 'ack':
      return { type: 'ack', endpoint: member('endpoint'), version: member('version') };
    case 'error':
      return { type: 'error', code: member('code'), context: member('context') };
    case 'data-message': {
      const topic = object.get('topic');
      if (topic === undefined) return { type: 'fence' };
      if (typeof topic !== 'string')
        throw new CodecError('bad-json', 0, 'the topic of a data message is no string');
      return { type: 'data-message', topic, data: readData(object) };
    }
    default:
      return { type: 'other', name: member('type') };
  }
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof CodecError) return undefined;
    throw error;
  }
}

/**
 * The name as Zeek takes it in X-Application-Name: other characters than letters, digits and `/ _ - . = : * @`
 * would have the client refused (8.0 and later), so they become `-`.
 */
export function applicationName(name: string): string {
  return name.replaceAll(/[^-/_.=:*@a-zA-Z0-9]/g, '-') || 'bro-osquery';
}

/** Whether Zeek takes a client of this name. */
export function isApplicationName(name: string): boolean {
  return /^[-/_.=:*@a-zA-Z0-9]+$/.test(name);
}
