import { decodeData } from './binary.ts';
import { type EventMetadata, readMessages, type ZeekEvent } from './zeek-event.ts';

/**
 * An event that is in Broker's binary form already, as a stretch of a buffer which its maker uses again: good until the
 * call that it was given to has resolved. Who doesn't know of it finds an event like any other, decoded when it is asked.
 */
export class EncodedEvent implements ZeekEvent {
  readonly name: string;
  /** The number of the row that the event is. */
  readonly sequence: number;
  /** Where its message stands, `[count 1, count 1, [name, args, metadata]]`. */
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  #decoded: ZeekEvent | undefined;

  constructor(name: string, sequence: number, bytes: Buffer, start: number, end: number) {
    this.name = name;
    this.sequence = sequence;
    this.bytes = bytes;
    this.start = start;
    this.end = end;
  }

  /** The same, in memory of its own. */
  kept(): EncodedEvent {
    const bytes = Buffer.from(this.bytes.subarray(this.start, this.end));
    return new EncodedEvent(this.name, this.sequence, bytes, 0, bytes.length);
  }

  get args(): ZeekEvent['args'] {
    return this.#decode().args;
  }

  get metadata(): readonly EventMetadata[] {
    return this.#decode().metadata ?? [];
  }

  #decode(): ZeekEvent {
    if (!this.#decoded) {
      const [message] = readMessages(decodeData(this.bytes.subarray(this.start, this.end)));
      if (message?.type !== 'event') throw new TypeError('the bytes are no event');
      this.#decoded = message.event;
    }
    return this.#decoded;
  }
}
