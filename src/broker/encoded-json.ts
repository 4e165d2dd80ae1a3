import { decodeText } from '../text/byte-text.ts';
import { readData } from './binary.ts';
import { ByteReader } from './byte-reader.ts';
import { EncodedEvent } from './encoded-event.ts';
import { dataMembers, printReal } from './json.ts';
import { printJsonString } from './json-text.ts';
import { printTimestamp } from './json-time.ts';
import { eventToData, type ZeekEvent } from './zeek-event.ts';

/**
 * The event as the members of its data message in JSON, see `dataMembers`. One that is encoded already is read and printed
 * in one go, without its values being made.
 * @throws CodecError as `dataMembers`
 */
export function eventMembers(event: ZeekEvent): string {
  if (!(event instanceof EncodedEvent)) return dataMembers(eventToData(event));
  return new Printer(event.bytes, event.start, event.end).members();
}

class Printer {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;

  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  members(): string {
    const bytes = this.#bytes;
    const at = this.#at;
    switch (bytes[at]) {
      case 0:
        this.#at = at + 1;
        return '"@data-type":"none","data":{}';
      case 2:
        return `"@data-type":"count","data":${this.#whole(bytes.readUInt32BE(at + 1))}`;
      case 3:
        return `"@data-type":"integer","data":${this.#whole(bytes.readInt32BE(at + 1))}`;
      case 4:
        this.#at = at + 9;
        return `"@data-type":"real","data":${printReal(bytes.readDoubleBE(at + 1))}`;
      case 5:
        return `"@data-type":"string","data":${this.#text()}`;
      case 9:
        this.#at = at + 9;
        return `"@data-type":"timestamp","data":"${printTimestamp(bytes.readBigInt64BE(at + 1))}"`;
      case 11:
        return `"@data-type":"enum-value","data":${this.#text()}`;
      case 14:
        return `"@data-type":"vector","data":[${this.#values()}]`;
      default:
        return this.#other();
    }
  }

  /** @param high the upper half of its 64 bits */
  #whole(high: number): string {
    const at = this.#at;
    this.#at = at + 9;
    // What a number of JavaScript holds.
    if (high < SAFE && high >= -SAFE) return String(high * 0x1_0000_0000 + this.#bytes.readUInt32BE(at + 5));
    return String(high < 0 ? this.#bytes.readBigInt64BE(at + 1) : this.#bytes.readBigUInt64BE(at + 1));
  }

  #text(): string {
    this.#at += 1;
    const bytes = this.#bytes;
    const length = this.#length();
    const start = this.#at;
    const end = start + length;
    this.#at = end;
    for (let at = start; at < end; at += 1) {
      const byte = bytes[at] as number;
      if (byte < 0x20 || byte > 0x7e || byte === QUOTE || byte === BACKSLASH)
        return printJsonString(decodeText(bytes.subarray(start, end)));
    }
    return `"${bytes.toString('latin1', start, end)}"`;
  }

  #values(): string {
    this.#at += 1;
    const count = this.#length();
    let text = '';
    for (let n = 0; n < count; n += 1) text += n > 0 ? `,{${this.members()}}` : `{${this.members()}}`;
    return text;
  }

  #other(): string {
    const reader = new ByteReader(this.#bytes.subarray(this.#at, this.#end));
    const data = readData(reader);
    this.#at += reader.offset;
    return dataMembers(data);
  }

  /** Unsigned LEB128. */
  #length(): number {
    let length = 0;
    for (let shift = 1; ; shift *= 0x80) {
      const byte = this.#bytes[this.#at] as number;
      this.#at += 1;
      length += (byte & 0x7f) * shift;
      if (byte < 0x80) return length;
    }
  }
}

const SAFE = 0x20_0000;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
