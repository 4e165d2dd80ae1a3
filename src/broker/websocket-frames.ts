import type { FrameSource } from './outbound.ts';
import { RecentEvents } from './recent-events.ts';
import { encodeEvent } from './websocket-messages.ts';
import type { ZeekEvent } from './zeek-event.ts';

/**
 * Makes the text frames of events, one each, and knows the last of them: Zeek's errors don't say what they are about.
 */
export class WebSocketFrames implements FrameSource {
  readonly #recent = new RecentEvents();

  /** @throws CodecError `bad-value` (a real that is no number), `too-deep` */
  next(topic: string, events: readonly ZeekEvent[], from: number) {
    const event = events[from];
    if (event === undefined) return { frame: new Uint8Array(), next: events.length };
    const frame = Buffer.from(encodeEvent(topic, event), 'utf8');
    this.#recent.add(topic, event);
    return { frame, next: from + 1 };
  }

  /** See RecentEvents. */
  describeRecent(): string {
    return this.#recent.describe();
  }
}
