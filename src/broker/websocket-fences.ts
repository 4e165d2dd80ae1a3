import type { Clock } from './connection.ts';
import { Refusals, type Refused } from './refusals.ts';
import { FENCE, FENCE_ERROR } from './websocket-messages.ts';

/** Milliseconds after a pong in which the fence that was sent with its ping must have been answered, the first time. */
const PATIENCE = 10_000;

export interface FencesOptions {
  readonly clock: Clock;
  /** False: no more until the WebSocket drains. */
  write(frame: Uint8Array): boolean;
  writePing(payload: Uint8Array): boolean;
  /** All that was sent before the marker has been taken in or refused. */
  onMarker(payload: Uint8Array): void;
  onRefused(refused: Refused): void;
  /** Something was refused and no fence is under way that would tell what. */
  onDoubt(): void;
}

/**
 * Confirmation by a Zeek's WebSocket server, 8.0 and later: pongs come from its transport, whatever its event loop has yet
 * to do; a fence is answered in turn. A server that answers pings and no fence is taken at its pongs.
 */
export class WebSocketFences {
  readonly refusals: Refusals;
  readonly #options: FencesOptions;
  #isProven = false;
  #isGivenUp = false;
  #pong: Uint8Array | undefined;
  #timer: unknown;

  constructor(options: FencesOptions) {
    this.#options = options;
    this.refusals = new Refusals(() => options.clock.now());
  }

  /** Sends a marker. False: no more until the WebSocket drains. */
  mark(payload: Uint8Array): boolean {
    const { write, writePing } = this.#options;
    const hasRoom = writePing(payload);
    if (this.#isGivenUp) return hasRoom;
    this.refusals.fenced(payload);
    return write(FENCE_FRAME) && hasRoom;
  }

  pong(payload: Uint8Array): void {
    if (this.#isGivenUp) this.#options.onMarker(payload);
    if (this.#isProven || this.#isGivenUp) return;
    this.#pong = payload;
    this.#timer ??= this.#options.clock.setTimeout(() => this.#giveUp(), PATIENCE);
  }

  /** An error came. False: it is not about what was sent. */
  error(context: string): boolean {
    if (this.#isGivenUp) return false;
    if (context !== FENCE_ERROR) {
      this.refusals.refused();
      if (!this.refusals.isFenced) this.#options.onDoubt();
      return true;
    }
    const answered = this.refusals.answered();
    if (!answered) return false;
    this.#isProven = true;
    this.stop();
    if (answered.refused) this.#options.onRefused(answered.refused);
    this.#options.onMarker(answered.marker);
    return true;
  }

  stop(): void {
    this.#options.clock.clearTimeout(this.#timer);
  }

  #giveUp(): void {
    this.#isGivenUp = true;
    if (this.#pong) this.#options.onMarker(this.#pong);
  }
}

const FENCE_FRAME = Buffer.from(FENCE, 'utf8');

/** Whether the server is Zeek's own: before 8.0 it was Broker's, which gives Broker's version. */
export function hasFences(version: string): boolean {
  return Number(/^(\d+)\./.exec(version)?.[1] ?? 0) >= 8;
}
