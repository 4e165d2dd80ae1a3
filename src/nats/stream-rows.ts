import type { MsgHdrs } from 'nats';
import { ByteWriter } from '../broker/byte-writer.ts';
import { batchStart } from '../broker/skimmed-message.ts';
import { writeEvent, type ZeekEvent } from '../broker/zeek-event.ts';
import { untoken } from '../text/subject-token.ts';
import { binaryTopic } from './binary-events.ts';
import { HOST_HEADER, readMessage } from './message.ts';
import { hostOfSubject } from './subjects.ts';

/** Rows of a host, in Broker's binary form whatever they came in. */
export interface HostRows {
  readonly host: string;
  readonly topic: string;
  readonly payload: Uint8Array;
}

/** Rows as they are in a stream, or in words why they are none of the host in their subject. */
export function readRows(raw: {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers?: MsgHdrs | undefined;
}): HostRows | { readonly host: string; readonly problem: string } {
  const host = hostOfSubject(raw.subject);
  const claimed = untoken(raw.headers?.get(HOST_HEADER) ?? '');
  if (claimed !== host)
    return { host, problem: `rows on the subject of ${host} that say they are of ${claimed}` };
  const topic = binaryTopic(raw.headers);
  if (topic !== undefined) return { host, topic, payload: raw.data };
  const read = readMessage(raw);
  if ('problem' in read) return { host, problem: read.problem };
  if (read.message.type !== 'events') return { host, problem: `a ${read.message.type} among its rows` };
  return { host, topic: read.message.topic, payload: inBinary(read.message.events) };
}

/** Events that came as JSON, as one payload. */
export function inBinary(events: readonly ZeekEvent[]): Uint8Array {
  const writer = new ByteWriter(1024);
  for (const event of events) writeEvent(writer, event);
  const payload = writer.take();
  return events.length === 1 ? payload : Buffer.concat([batchStart(events.length), payload]);
}
