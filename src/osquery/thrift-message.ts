/**
 * What the generated code of osquery.thrift reads a whole message from and writes one to: Thrift's binary
 * protocol over plain memory. The package's own buffered transport joins and copies at each read and knows
 * only UTF-8; here a message is read in place and written into one growing buffer.
 */
import thrift from 'thrift';
import { decodeText, encodeText } from '../text/byte-text.ts';
import { ThriftError } from './thrift-error.ts';

/**
 * How strings are read. `text`: as UTF-8, bytes that are none as surrogate escapes. `bytes`: one character a
 * byte (latin1), for payloads that may be hundreds of megabytes and must not be decoded here.
 */
export type StringForm = 'text' | 'bytes';

/** One whole message, read from its start. Reading past the end throws {@link ThriftError} `malformed`. */
export class MessageSource implements thrift.TTransport {
  readonly #bytes: Buffer;
  readonly #form: StringForm;
  #at = 0;

  constructor(bytes: Buffer, form: StringForm) {
    this.#bytes = bytes;
    this.#form = form;
  }

  ensureAvailable(length: number): void {
    if (this.#at + length > this.#bytes.length) {
      throw new ThriftError('malformed', `${length} bytes past the end of the message`, this.#at);
    }
  }

  read(length: number): Buffer {
    const start = this.#take(length);
    return Buffer.from(this.#bytes.subarray(start, start + length));
  }

  readByte(): number {
    return this.#bytes.readInt8(this.#take(1));
  }

  readI16(): number {
    return this.#bytes.readInt16BE(this.#take(2));
  }

  readI32(): number {
    return this.#bytes.readInt32BE(this.#take(4));
  }

  readDouble(): number {
    return this.#bytes.readDoubleBE(this.#take(8));
  }

  readString(length = 0): string {
    const start = this.#take(length);
    if (this.#form === 'bytes') return this.#bytes.toString('latin1', start, start + length);
    return decodeText(this.#bytes.subarray(start, start + length));
  }

  #take(length: number): number {
    this.ensureAvailable(length);
    const start = this.#at;
    this.#at += length;
    return start;
  }

  // The rest of the package's interface is for streams; a whole message has no use for it.
  commitPosition(): void {}
  rollbackPosition(): void {
    this.#at = 0;
  }
  isOpen(): boolean {
    return true;
  }
  open(): boolean {
    return true;
  }
  close(): boolean {
    return true;
  }
  setCurrSeqId(): void {}
  write(): void {
    throw new TypeError('a message that is being read is not written to');
  }
  flush(): void {}
}

/** Where one message at a time is written; `flush` hands its bytes to `send` and starts anew. */
export class MessageSink implements thrift.TTransport {
  readonly #send: (message: Buffer) => void;
  #bytes = Buffer.allocUnsafe(512);
  #length = 0;

  constructor(send: (message: Buffer) => void) {
    this.#send = send;
  }

  /** Forgets what was written of a message that won't be sent. */
  reset(): void {
    this.#length = 0;
  }

  byte(value: number): void {
    const at = this.#room(1);
    this.#bytes[at] = value & 0xff;
  }

  i16(value: number): void {
    const at = this.#room(2);
    this.#bytes.writeInt16BE(value, at);
  }

  i32(value: number): void {
    const at = this.#room(4);
    this.#bytes.writeInt32BE(value, at);
  }

  i64(value: bigint): void {
    const at = this.#room(8);
    this.#bytes.writeBigInt64BE(value, at);
  }

  string(value: string): void {
    const bytes = encodeText(value);
    this.i32(bytes.length);
    this.write(bytes);
  }

  write(bytes: Uint8Array | string): void {
    if (typeof bytes === 'string') throw new TypeError('text is written by `string`');
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
  }

  flush(): void {
    const message = this.#bytes.subarray(0, this.#length);
    this.#bytes = Buffer.allocUnsafe(512);
    this.#length = 0;
    this.#send(message);
  }

  #room(length: number): number {
    const at = this.#length;
    const needed = at + length;
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
      this.#bytes.copy(grown, 0, 0, at);
      this.#bytes = grown;
    }
    this.#length = needed;
    return at;
  }

  commitPosition(): void {}
  rollbackPosition(): void {}
  isOpen(): boolean {
    return true;
  }
  open(): boolean {
    return true;
  }
  close(): boolean {
    return true;
  }
  setCurrSeqId(): void {}
  ensureAvailable(): void {}
  read(): Buffer {
    throw new TypeError('a message that is being written is not read from');
  }
  readByte(): number {
    return this.read().length;
  }
  readI16(): number {
    return this.read().length;
  }
  readI32(): number {
    return this.read().length;
  }
  readDouble(): number {
    return this.read().length;
  }
  readString(): string {
    return this.read().toString();
  }
}

/** Thrift's binary protocol that reads from a {@link MessageSource}. */
export function readingProtocol(message: Buffer, form: StringForm): thrift.TBinaryProtocol {
  return new thrift.TBinaryProtocol(new MessageSource(message, form), false, true);
}

/**
 * Thrift's binary protocol that writes into a {@link MessageSink}. The package's own writes each number
 * through a buffer of its own, and every lone surrogate as a replacement character.
 */
export class WritingProtocol extends thrift.TBinaryProtocol {
  readonly #sink: MessageSink;

  constructor(transport: thrift.TTransport) {
    super(transport, false, true);
    if (!(transport instanceof MessageSink))
      throw new TypeError('the protocol writes to a MessageSink alone');
    this.#sink = transport;
  }

  override writeMessageBegin(name: string, type: thrift.Thrift.MessageType, seqid: number): void {
    // A message begun and never finished (its values could not be written) must not precede this one.
    this.#sink.reset();
    this.#sink.i32(0x80010000 | type);
    // The package reads the name of an old-style message as bytes.
    this.writeString(name);
    this.#sink.i32(seqid);
  }

  override writeMessageEnd(): void {}

  override writeByte(value: number): void {
    this.#sink.byte(value);
  }

  override writeI16(value: number): void {
    this.#sink.i16(value);
  }

  override writeI32(value: number): void {
    this.#sink.i32(value);
  }

  override writeI64(value: number | thrift.Int64): void {
    this.#sink.i64(BigInt(Number(value)));
  }

  override writeString(value: string | Buffer): void {
    if (typeof value === 'string') this.#sink.string(value);
    else {
      this.#sink.i32(value.length);
      this.#sink.write(value);
    }
  }
}
