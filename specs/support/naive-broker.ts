import type { Data } from '../../src/broker/data.ts';
import { encodeText } from '../../src/text/byte-text.ts';

/**
 * A second encoder of Broker's binary format, as simple as can be and sharing nothing with the first: what the
 * codec writes is held against it.
 */
export function naiveEncode(data: Data): Buffer {
  switch (data.type) {
    case 'none':
      return hex('00');
    case 'boolean':
      return hex(data.value ? '0101' : '0100');
    case 'count':
      return hex(`02${word(data.value)}`);
    case 'integer':
      return hex(`03${word(data.value)}`);
    case 'real': {
      const bytes = Buffer.alloc(8);
      bytes.writeDoubleBE(data.value);
      return Buffer.concat([hex('04'), bytes]);
    }
    case 'string':
      return Buffer.concat([hex('05'), naiveText(data.value)]);
    case 'address':
      return Buffer.concat([hex('06'), data.bytes]);
    case 'subnet':
      return Buffer.concat([hex('07'), data.bytes, Buffer.from([data.length])]);
    case 'port':
      return Buffer.from([
        8,
        Math.floor(data.number / 256),
        data.number % 256,
        { unknown: 0, tcp: 1, udp: 2, icmp: 3 }[data.protocol],
      ]);
    case 'timestamp':
      return hex(`09${word(data.nanoseconds)}`);
    case 'timespan':
      return hex(`0a${word(data.nanoseconds)}`);
    case 'enum':
      return Buffer.concat([hex('0b'), naiveText(data.name)]);
    case 'set':
      return Buffer.concat([hex('0c'), varbyte(data.values.length), ...data.values.map(naiveEncode)]);
    case 'table':
      return Buffer.concat([
        hex('0d'),
        varbyte(data.entries.length),
        ...data.entries.flatMap(([key, value]) => [naiveEncode(key), naiveEncode(value)]),
      ]);
    case 'vector':
      return Buffer.concat([hex('0e'), varbyte(data.values.length), ...data.values.map(naiveEncode)]);
  }
}

/** A frame of this payload. */
export function naiveFrame(payload: Uint8Array): Buffer {
  return Buffer.concat([hex(payload.length.toString(16).padStart(8, '0')), payload]);
}

/** A peered connection's frame. */
export function naiveEnvelope(
  sender: string,
  receiver: string,
  type: number,
  topic: string,
  payload: Uint8Array,
): Buffer {
  const ids = hex(`${sender}${receiver}`.replaceAll('-', ''));
  const head = Buffer.from([type, 0, 16, topic.length >> 8, topic.length & 255]);
  return naiveFrame(Buffer.concat([ids, head, Buffer.from(topic), payload]));
}

function naiveText(text: string): Buffer {
  const bytes = encodeText(text);
  return Buffer.concat([varbyte(bytes.length), bytes]);
}

function varbyte(value: number): Buffer {
  return value < 128
    ? Buffer.from([value])
    : Buffer.concat([Buffer.from([(value % 128) + 128]), varbyte(Math.floor(value / 128))]);
}

function word(value: bigint): string {
  return BigInt.asUintN(64, value).toString(16).padStart(16, '0');
}

function hex(text: string): Buffer {
  return Buffer.from(text, 'hex');
}
