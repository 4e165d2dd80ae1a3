import { encodeText } from '../text/byte-text.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { CodecError } from './codec-error.ts';
import { formatEndpointId, parseEndpointId } from './endpoint-id.ts';

/** "ZEEK". */
const MAGIC = 0x5a45454b;

/** Types of the frames of a handshake (broker/internal/wire_format.hh). */
const TYPE = {
  hello: 6,
  probe: 7,
  'version-select': 8,
  'drop-conn': 9,
  'originator-syn': 10,
  'responder-syn-ack': 11,
  'originator-ack': 12,
} as const satisfies Record<HandshakeMessage['type'], number>;

export type HandshakeMessage =
  | {
      readonly type: 'hello';
      readonly id: string;
      readonly minVersion: number;
      readonly maxVersion: number;
    }
  /** Sent by the accepting side at once, so that a peer which speaks TLS fails early. */
  | { readonly type: 'probe' }
  | { readonly type: 'version-select'; readonly id: string; readonly version: number }
  | { readonly type: 'drop-conn'; readonly id: string; readonly code: number; readonly reason: string }
  | { readonly type: 'originator-syn'; readonly filter: readonly string[] }
  | { readonly type: 'responder-syn-ack'; readonly filter: readonly string[] }
  | { readonly type: 'originator-ack' };

/** The message as a frame, length first. */
export function encodeHandshake(message: HandshakeMessage): Uint8Array {
  const writer = new ByteWriter(128).u32(0).u8(TYPE[message.type]);
  switch (message.type) {
    case 'hello':
      writer.u32(MAGIC).bytes(parseEndpointId(message.id)).u8(message.minVersion).u8(message.maxVersion);
      break;
    case 'probe':
      writer.u32(MAGIC);
      break;
    case 'version-select':
      writer.u32(MAGIC).bytes(parseEndpointId(message.id)).u8(message.version);
      break;
    case 'drop-conn':
      writer.u32(MAGIC).bytes(parseEndpointId(message.id)).u8(message.code).text(message.reason);
      break;
    case 'originator-syn':
    case 'responder-syn-ack':
      writeFilter(writer, message.filter);
      break;
    case 'originator-ack':
      break;
    default:
      message satisfies never;
  }
  return writer.patchU32(0, writer.length - 4).take();
}

/** @throws CodecError `truncated`, `trailing`, `unknown-tag`, `bad-magic`, `too-long`, `too-many` */
export function decodeHandshake(frame: Uint8Array): HandshakeMessage {
  const reader = new ByteReader(frame);
  const message = readMessage(reader);
  reader.end();
  return message;
}

function readMessage(reader: ByteReader): HandshakeMessage {
  const type = reader.u8();
  switch (type) {
    case TYPE.hello:
      magic(reader);
      return { type: 'hello', id: id(reader), minVersion: reader.u8(), maxVersion: reader.u8() };
    case TYPE.probe:
      magic(reader);
      return { type: 'probe' };
    case TYPE['version-select']:
      magic(reader);
      return { type: 'version-select', id: id(reader), version: reader.u8() };
    case TYPE['drop-conn']:
      magic(reader);
      return {
        type: 'drop-conn',
        id: id(reader),
        code: reader.u8(),
        reason: reader.text(reader.varbyteLength()),
      };
    case TYPE['originator-syn']:
      return { type: 'originator-syn', filter: readFilter(reader) };
    case TYPE['responder-syn-ack']:
      return { type: 'responder-syn-ack', filter: readFilter(reader) };
    case TYPE['originator-ack']:
      return { type: 'originator-ack' };
    default:
      throw new CodecError('unknown-tag', 0, `unknown handshake message type ${type}`);
  }
}

/** A filter: the topic prefixes that an endpoint wants. Also the payload of a routing update. */
export function writeFilter(writer: ByteWriter, filter: readonly string[]): void {
  writer.varbyte(filter.length);
  for (const topic of filter) writer.text(topic);
}

/**
 * Most topics of one filter: each event is compared with all of them, and empty ones take memory many times their
 * own.
 */
const MAX_TOPICS = 100_000;

/** @throws CodecError `truncated`, `too-long`, `too-many` */
export function readFilter(reader: ByteReader): string[] {
  const at = reader.offset;
  const count = reader.varbyteLength();
  if (count > MAX_TOPICS) throw new CodecError('too-many', at, `a filter of more than ${MAX_TOPICS} topics`);
  const filter: string[] = [];
  for (let index = 0; index < count; index += 1) filter.push(reader.text(reader.varbyteLength()));
  return filter;
}

/** Whether one of the filter's entries is a prefix of the topic, byte by byte as Broker compares. */
export function matchesFilter(filter: readonly string[], topic: string): boolean {
  if (filter.some((prefix) => topic.startsWith(prefix))) return true;
  // Only a character cut in two makes bytes match where text does not.
  if (filter.every((prefix) => prefix.isWellFormed())) return false;
  const bytes = Buffer.from(encodeText(topic));
  return filter.some((prefix) => {
    const start = encodeText(prefix);
    return bytes.subarray(0, start.length).equals(start);
  });
}

function magic(reader: ByteReader): void {
  const at = reader.offset;
  const found = reader.u32();
  if (found !== MAGIC) {
    throw new CodecError('bad-magic', at, `0x${found.toString(16).padStart(8, '0')} instead of "ZEEK"`);
  }
}

function id(reader: ByteReader): string {
  return formatEndpointId(reader.view(16));
}
