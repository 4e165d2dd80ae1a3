import type { MsgHdrs } from 'nats';
import { decodeData } from '../broker/binary.ts';
import { readMessages, type ZeekEvent } from '../broker/zeek-event.ts';
import { token, untoken } from '../text/subject-token.ts';

/**
 * Events in Broker's binary form, as Zeek's own NATS backend has them: the format stands in a header, the topic, which
 * there is the subject, in another.
 */
export const FORMAT_HEADER = 'X-Zeek-Format';
export const BINARY_FORMAT = 'broker-bin-v1';
const TOPIC_HEADER = 'Osquery-Topic';

/** Says in a message's headers that its payload is in the binary form, and what its topic is. */
export function markBinary(headers: MsgHdrs, topic: string): void {
  headers.set(FORMAT_HEADER, BINARY_FORMAT);
  headers.set(TOPIC_HEADER, token(topic));
}

/** The topic of a message in the binary form; undefined where it is in another. */
export function binaryTopic(headers: Pick<MsgHdrs, 'get'> | undefined): string | undefined {
  if (headers?.get(FORMAT_HEADER) !== BINARY_FORMAT) return undefined;
  const topic = headers.get(TOPIC_HEADER);
  return topic === '' ? undefined : untoken(topic);
}

/** The events of a payload in the binary form, other kinds of messages left out. @throws CodecError */
export function binaryEvents(payload: Uint8Array): ZeekEvent[] {
  return readMessages(decodeData(payload)).flatMap((message) =>
    message.type === 'event' ? [message.event] : [],
  );
}
