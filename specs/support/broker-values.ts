import { writeData } from '../../src/broker/binary.ts';
import { ByteWriter } from '../../src/broker/byte-writer.ts';
import { count, type Data, type VectorData, vector } from '../../src/broker/data.ts';
import { dataMembers, readData } from '../../src/broker/json.ts';
import { parseJson } from '../../src/broker/json-text.ts';
import { eventToData, type ZeekEvent } from '../../src/broker/zeek-event.ts';

/** Single values in either of Broker's forms, of which the program only ever writes messages. */

/** @throws CodecError */
export function encodeData(data: Data): Uint8Array {
  const writer = new ByteWriter(64);
  writeData(writer, data);
  return writer.take();
}

/** @throws CodecError */
export function dataToJson(data: Data): string {
  return `{${dataMembers(data)}}`;
}

/** @throws CodecError */
export function dataFromJson(text: string): Data {
  const value = parseJson(text);
  return readData(value instanceof Map ? value : new Map());
}

/** The message that carries events as one: `[count 1, count 5, [message, …]]`; Zeek takes each as if alone. */
export function batchToData(events: readonly ZeekEvent[]): VectorData {
  return vector([count(1), count(5), vector(events.map(eventToData))]);
}
