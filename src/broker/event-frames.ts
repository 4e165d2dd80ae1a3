import { ByteWriter } from './byte-writer.ts';
import { CodecError } from './codec-error.ts';
import { EncodedEvent } from './encoded-event.ts';
import { NIL_ENDPOINT } from './endpoint-id.ts';
import { encodeEnvelopeHeader, INITIAL_TTL } from './envelope.ts';
import { writeBatchStart, writeEvent, type ZeekEvent } from './zeek-event.ts';

/** Where a body begins to grow: a process may have ten thousand connections that say little. */
const INITIAL = 512;
/** Room for a frame's length and the start of a batch message. */
const BATCH_OVERHEAD = 64;

/** Makes the frames of events that go out on one connection, with buffers that it uses again. */
export class EventFrames {
  readonly #sender: string;
  readonly #maxFrame: number;
  readonly #body = new ByteWriter(INITIAL);
  readonly #start = new ByteWriter(BATCH_OVERHEAD);
  #topic: string | undefined;
  #header: Uint8Array = new Uint8Array();

  /** @param maxFrame longest payload of a frame */
  constructor(sender: string, maxFrame: number) {
    this.#sender = sender;
    this.#maxFrame = maxFrame;
  }

  /**
   * A frame with as many of the events from index `from` on as fit into about `target` bytes, at least one;
   * more than one as a batch message.
   * @throws CodecError `too-long` for the topic, `frame-too-large` for a single event beyond the bound
   */
  next(
    topic: string,
    events: readonly ZeekEvent[],
    from: number,
    target: number,
  ): { readonly frame: Uint8Array; readonly next: number } {
    const header = this.#headerOf(topic);
    const body = this.#body.reset();
    let next = from;
    let end = 0;
    while (next < events.length && (end < target || next === from)) {
      const event = events[next];
      if (event === undefined) break;
      if (event instanceof EncodedEvent) body.copy(event.bytes, event.start, event.end);
      else writeEvent(body, event);
      if (header.length + body.length + BATCH_OVERHEAD > this.#maxFrame) {
        if (next === from) {
          const bound = `more than the frame limit of ${this.#maxFrame}`;
          throw new CodecError(
            'frame-too-large',
            0,
            `event ${event.name} takes ${body.length} bytes, ${bound}`,
          );
        }
        break;
      }
      end = body.length;
      next += 1;
    }
    const start = this.#start.reset();
    if (next - from > 1) writeBatchStart(start, next - from);
    const length = header.length + start.length + end;
    const frame = Buffer.allocUnsafeSlow(4 + length);
    frame.writeUInt32BE(length, 0);
    frame.set(header, 4);
    start.copyTo(frame, 4 + header.length);
    body.copyTo(frame, 4 + header.length + start.length, end);
    return { frame, next };
  }

  #headerOf(topic: string): Uint8Array {
    if (topic !== this.#topic) {
      const sender = this.#sender;
      this.#header = encodeEnvelopeHeader({
        sender,
        receiver: NIL_ENDPOINT,
        kind: 'data',
        ttl: INITIAL_TTL,
        topic,
      });
      this.#topic = topic;
    }
    return this.#header;
  }
}
