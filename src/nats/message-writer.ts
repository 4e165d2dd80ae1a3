import { ByteWriter } from '../broker/byte-writer.ts';
import { CodecError } from '../broker/codec-error.ts';
import { EncodedEvent } from '../broker/encoded-event.ts';
import { batchStart } from '../broker/skimmed-message.ts';
import { writeEvent, type ZeekEvent } from '../broker/zeek-event.ts';
import { encodeEvent } from './message.ts';

/** How events travel: each as JSON, or many together in Broker's binary form. */
export type MessageForm = 'json' | 'binary';

/** One message of events, and which of them: their indices in the call. */
export interface EventMessage {
  readonly topic: string;
  readonly form: MessageForm;
  readonly payload: Uint8Array;
  readonly indices: readonly number[];
}

/** Bytes of events in one binary message. */
const BATCH_BYTES = 256 * 1024;
/** Headers count as well where a server bounds what it takes. */
const HEADERS = 512;

/** Events of one topic, and those of them that are to be sent. */
export interface Selection {
  readonly topic: string;
  readonly events: readonly ZeekEvent[];
  readonly indices: readonly number[];
}

/** An event can't be sent, and why. */
export type LeaveOut = (index: number, event: ZeekEvent, problem: string) => void;

/** Makes messages of events. One that can't be sent is left out and told, so that others pass. */
export class MessageWriter {
  readonly #limit: () => number;
  readonly #one = new ByteWriter(512);
  readonly #body = new ByteWriter(512);

  /** @param limit bytes that may be in one message, headers included */
  constructor(limit: () => number) {
    this.#limit = limit;
  }

  /** Messages with the selected events, in their order. */
  write(selection: Selection, form: MessageForm, leaveOut: LeaveOut): EventMessage[] {
    return form === 'json' ? this.#json(selection, leaveOut) : this.#binary(selection, leaveOut);
  }

  #json({ topic, events, indices }: Selection, leaveOut: LeaveOut): EventMessage[] {
    const messages: EventMessage[] = [];
    for (const index of indices) {
      const event = events[index];
      if (!event) continue;
      const payload = this.#encode(index, event, leaveOut, () => encodeEvent(topic, event));
      if (payload) messages.push({ topic, form: 'json', payload, indices: [index] });
    }
    return messages;
  }

  #binary({ topic, events, indices: all }: Selection, leaveOut: LeaveOut): EventMessage[] {
    const messages: EventMessage[] = [];
    const most = Math.min(BATCH_BYTES, this.#limit() - HEADERS);
    let indices: number[] = [];
    const body = this.#body.reset();
    const finish = () => {
      if (indices.length === 0) return;
      const own = body.take();
      const payload = indices.length > 1 ? Buffer.concat([batchStart(indices.length), own]) : own;
      messages.push({ topic, form: 'binary', payload, indices });
      indices = [];
      body.reset();
    };
    for (const index of all) {
      const event = events[index];
      if (!event) continue;
      const bytes = this.#encode(index, event, leaveOut, () => {
        if (event instanceof EncodedEvent) return event.bytes.subarray(event.start, event.end);
        writeEvent(this.#one.reset(), event);
        return this.#one.take();
      });
      if (!bytes) continue;
      if (body.length + bytes.length > most) finish();
      body.bytes(bytes);
      indices.push(index);
    }
    finish();
    return messages;
  }

  #encode(
    index: number,
    event: ZeekEvent,
    leaveOut: LeaveOut,
    encode: () => Uint8Array,
  ): Uint8Array | undefined {
    const limit = this.#limit();
    try {
      const payload = encode();
      if (payload.length + HEADERS <= limit) return payload;
      leaveOut(index, event, `of ${payload.length} bytes exceeds its ${limit}: ${ADVICE}`);
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      leaveOut(
        index,
        event,
        `can't be sent there: ${error.message} (${error.code}); dropped, as will be others of its kind`,
      );
    }
    return undefined;
  }
}

const ADVICE = "dropped, as will be others of its kind; raise the server's max_payload";
