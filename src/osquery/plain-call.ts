/**
 * What osqueryd asks for each line of its log, a ping and a call, read from its bytes and answered with bytes: the
 * generated code makes some fifty objects and a dozen promises of it, and text of what stays bytes. Whatever isn't as
 * osqueryd writes it is left to the generated code.
 */

export type PlainCall =
  | { readonly method: 'ping'; readonly seqid: number }
  | {
      readonly method: 'call';
      readonly seqid: number;
      readonly registry: string;
      readonly item: string;
      /** Values are views of the message. */
      readonly request: ReadonlyMap<string, Buffer>;
    };

/** A strict message of type call: its version, type and the length of its name. */
const CALL_OF_FOUR = [0x80, 1, 0, 1, 0, 0, 0, 4];
const PING = 'ping';
const CALL = 'call';
const BODY = 16;
const STOP = 0;
const STRING = 11;
const MAP = 13;

/** Undefined where the bytes are no ping or call in the form that osqueryd gives them. */
export function readPlainCall(bytes: Buffer): PlainCall | undefined {
  if (bytes.length <= BODY) return undefined;
  for (let at = 0; at < 8; at += 1) if (bytes[at] !== CALL_OF_FOUR[at]) return undefined;
  const method = bytes.toString('latin1', 8, 12);
  const seqid = bytes.readInt32BE(12);
  if (method === PING)
    return bytes.length === BODY + 1 && bytes[BODY] === STOP ? { method, seqid } : undefined;
  if (method !== CALL) return undefined;
  const reader = new FieldReader(bytes, BODY);
  const registry = reader.field(STRING, 1) ? reader.text() : undefined;
  const item = reader.field(STRING, 2) ? reader.text() : undefined;
  if (registry === undefined || item === undefined || !reader.field(MAP, 3)) return undefined;
  const request = reader.map();
  return request && reader.isOver() ? { method, seqid, registry, item, request } : undefined;
}

class FieldReader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** Moves over the head of a field if it is that one. */
  field(type: number, id: number): boolean {
    const bytes = this.#bytes;
    const at = this.#at;
    if (bytes[at] !== type || bytes[at + 1] !== 0 || bytes[at + 2] !== id) return false;
    this.#at = at + 3;
    return true;
  }

  text(): string | undefined {
    return this.value()?.toString('latin1');
  }

  value(): Buffer | undefined {
    const start = this.#at + 4;
    if (start > this.#bytes.length) return undefined;
    const end = start + this.#bytes.readInt32BE(start - 4);
    if (end < start || end > this.#bytes.length) return undefined;
    this.#at = end;
    return this.#bytes.subarray(start, end);
  }

  map(): ReadonlyMap<string, Buffer> | undefined {
    const start = this.#at + 6;
    if (start > this.#bytes.length) return undefined;
    if (this.#bytes[start - 6] !== STRING || this.#bytes[start - 5] !== STRING) return undefined;
    const size = this.#bytes.readInt32BE(start - 4);
    this.#at = start;
    const map = new Map<string, Buffer>();
    for (let n = 0; n < size; n += 1) {
      const key = this.text();
      const value = this.value();
      // An object, which the generated code makes, has other thoughts about this name.
      if (key === undefined || value === undefined || key === '__proto__') return undefined;
      map.set(key, value);
    }
    return map;
  }

  isOver(): boolean {
    return this.#at === this.#bytes.length - 1 && this.#bytes[this.#at] === STOP;
  }
}

/** The reply to a ping. */
export function pingReply(status: ReplyStatus, seqid: number): Buffer {
  return reply(PING, seqid, [...field(12, 0, statusFields(status)), STOP]);
}

/** The reply to a call that has no rows to give. */
export function emptyReply(status: ReplyStatus, seqid: number): Buffer {
  const list = field(15, 2, [MAP, 0, 0, 0, 0]);
  return reply(CALL, seqid, [...field(12, 0, [...field(12, 1, statusFields(status)), ...list, STOP]), STOP]);
}

export interface ReplyStatus {
  readonly code: number;
  readonly message: string;
  readonly uuid: number;
}

function statusFields({ code, message, uuid }: ReplyStatus): number[] {
  const id = Buffer.alloc(8);
  id.writeBigInt64BE(BigInt(uuid));
  return [...field(8, 1, u32(code)), ...field(STRING, 2, text(message)), ...field(10, 3, [...id]), STOP];
}

function reply(method: string, seqid: number, body: readonly number[]): Buffer {
  return Buffer.from([0x80, 1, 0, 2, ...text(method), ...u32(seqid), ...body]);
}

function field(type: number, id: number, value: readonly number[]): number[] {
  return [type, 0, id, ...value];
}

function text(value: string): number[] {
  const bytes = Buffer.from(value);
  return [...u32(bytes.length), ...bytes];
}

function u32(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
}
