import { ByteWriter } from './byte-writer.ts';
import { CodecError } from './codec-error.ts';
import { EncodedEvent } from './encoded-event.ts';
import { NIL_ENDPOINT } from './endpoint-id.ts';
import { encodeEnvelopeHeader, INITIAL_TTL } from './envelope.ts';
import { writeBatchStart, writeEvent, type ZeekEvent } from './zeek-event.ts';

/** Where a body begins to grow: a process may have ten thousand connections that say little. */
const INITIAL = 512;
/** Of that buffer, bytes that are kept when a large frame is through. */
const KEPT = 512 * 1024;
/** Topics whose headers are kept. */
const TOPICS = 8;
/** Room for a frame's length and the start of a batch message. */
const BATCH_OVERHEAD = 64;

/** Makes the frames of events that go out on one connection, with buffers that it uses again. */
export class EventFrames {
  readonly #sender: string;
  readonly #maxFrame: number;
  readonly #body = new ByteWriter(INITIAL);
  readonly #start = new ByteWriter(BATCH_OVERHEAD);
  readonly #headers = new Map<string, Uint8Array>();

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
    const most = this.#maxFrame - header.length - BATCH_OVERHEAD;
    const body = this.#body.reset(KEPT);
    let next = from;
    let end = 0;
    while (next < events.length && (end < target || next === from)) {
      const event = events[next];
      if (event === undefined) break;
      const run =
        event instanceof EncodedEvent ? runFrom(events, next, Math.min(target, most) - end) : undefined;
      if (event instanceof EncodedEvent) body.copy(event.bytes, event.start, run?.end ?? event.end);
      else writeEvent(body, event);
      if (body.length > most) {
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
      next = run?.next ?? next + 1;
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
    const known = this.#headers.get(topic);
    if (known) return known;
    const header = encodeEnvelopeHeader({
      sender: this.#sender,
      receiver: NIL_ENDPOINT,
      kind: 'data',
      ttl: INITIAL_TTL,
      topic,
    });
    // Rows and the questions for them take turns between topics.
    if (this.#headers.size >= TOPICS) this.#headers.clear();
    this.#headers.set(topic, header);
    return header;
  }
}

/**
 * Events that stand one behind the other in one buffer, from that index on: at least one, and no more than begin within
 * so many bytes and end within them too.
 */
function runFrom(
  events: readonly ZeekEvent[],
  from: number,
  bytes: number,
): { readonly end: number; readonly next: number } | undefined {
  const first = events[from];
  if (!(first instanceof EncodedEvent)) return undefined;
  let { end } = first;
  let next = from + 1;
  for (; next < events.length; next += 1) {
    const event = events[next];
    if (!(event instanceof EncodedEvent) || event.bytes !== first.bytes || event.start !== end) break;
    if (event.end - first.start > bytes) break;
    end = event.end;
  }
  return { end, next };
}
