import { encodeText } from '../text/byte-text.ts';
import { ByteReader } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';
import { CodecError } from './codec-error.ts';
import { formatEndpointId, parseEndpointId } from './endpoint-id.ts';

/** What an envelope carries (broker/envelope.hh): in the order of their numbers from 1. */
const KINDS = ['data', 'command', 'routing-update', 'ping', 'pong'] as const;
export type EnvelopeKind = (typeof KINDS)[number];

/** The topic of routing updates, pings and pongs. */
export const CONTROL_TOPIC = '<$>';
/** Hops that a message may take among Brokers. */
export const INITIAL_TTL = 16;

/** A frame of a peered connection. */
export interface Envelope {
  /** Endpoint ids. Data goes out with our own id as sender and nil as receiver: Zeek drops data of a nil sender. */
  readonly sender: string;
  readonly receiver: string;
  /** `data`: one value · `command`: data stores' · `routing-update`: the sender's filter · `ping`, `pong`: any bytes */
  readonly kind: EnvelopeKind;
  readonly ttl: number;
  readonly topic: string;
  /** Shares memory with the frame. */
  readonly payload: Uint8Array;
}

/** @throws CodecError `truncated`, `unknown-tag` */
export function decodeEnvelope(frame: Uint8Array): Envelope {
  const reader = new ByteReader(frame);
  const sender = formatEndpointId(reader.view(16));
  const receiver = formatEndpointId(reader.view(16));
  const kind = kindOf(reader);
  const ttl = reader.u16();
  const topic = reader.text(reader.u16());
  return { sender, receiver, kind, ttl, topic, payload: reader.view(reader.remaining) };
}

/** An envelope whose ids stay bytes, for who passes thousands of them on. All views share memory with the frame. */
export interface SkimmedEnvelope extends Pick<Envelope, 'kind' | 'topic' | 'payload'> {
  readonly receiver: Uint8Array;
}

/** @throws CodecError `truncated`, `unknown-tag` */
export function skimEnvelope(frame: Uint8Array): SkimmedEnvelope {
  const reader = new ByteReader(frame);
  reader.view(16);
  const receiver = reader.view(16);
  const kind = kindOf(reader);
  reader.u16();
  const topic = reader.text(reader.u16());
  return { receiver, kind, topic, payload: reader.view(reader.remaining) };
}

/**
 * The pong to a ping, both whole frames: the same bytes, sender and receiver swapped. The ping comes without its length,
 * the pong goes out with it.
 */
export function pongTo(ping: Uint8Array): Uint8Array {
  const pong = Buffer.allocUnsafe(4 + ping.length);
  pong.writeUInt32BE(ping.length, 0);
  pong.set(ping, 4);
  pong.copyWithin(20, 4, 20);
  pong.set(ping.subarray(16, 32), 4);
  pong[4 + KIND_OFFSET] = KINDS.indexOf('pong') + 1;
  return pong;
}

const KIND_OFFSET = 32;

function kindOf(reader: ByteReader): EnvelopeKind {
  const at = reader.offset;
  const number = reader.u8();
  const kind = KINDS[number - 1];
  if (kind === undefined) throw new CodecError('unknown-tag', at, `unknown envelope type ${number}`);
  return kind;
}

/** Writes the whole frame, length first. @throws CodecError `too-long` for a topic beyond 65,535 bytes */
export function writeEnvelope(writer: ByteWriter, envelope: Envelope): void {
  const header = encodeEnvelopeHeader(envelope);
  writer
    .u32(header.length + envelope.payload.length)
    .bytes(header)
    .bytes(envelope.payload);
}

/** An envelope without its payload and without the frame's length. */
export function encodeEnvelopeHeader(envelope: Omit<Envelope, 'payload'>): Uint8Array {
  const topic = encodeText(envelope.topic);
  if (topic.length > 0xffff) {
    throw new CodecError('too-long', 35, `a topic of ${topic.length} bytes exceeds the limit of 65535`);
  }
  const header = Buffer.alloc(37 + topic.length);
  header.set(parseEndpointId(envelope.sender), 0);
  header.set(parseEndpointId(envelope.receiver), 16);
  header[32] = KINDS.indexOf(envelope.kind) + 1;
  header.writeUInt16BE(envelope.ttl, 33);
  header.writeUInt16BE(topic.length, 35);
  header.set(topic, 37);
  return header;
}
