import type { Gap } from '../vocabulary/words.ts';
import { joinGaps } from './cursors.ts';

/** What a Bro will never get and may not know yet: rows it is being told of, and rows that came to it meanwhile. */
export class UntoldGap {
  #untold: Gap | undefined;
  #telling: Gap | undefined;

  constructor(gap: Gap | undefined) {
    this.#untold = gap;
  }

  /** All of it, as it has to be remembered. */
  get whole(): Gap | undefined {
    return this.#telling && this.#untold
      ? joinGaps(this.#telling, this.#untold)
      : (this.#telling ?? this.#untold);
  }

  add(gap: Gap): void {
    this.#untold = joinGaps(this.#untold, gap);
  }

  /** What the Bro is to be told now, if anything; it counts as untold until {@link told}. */
  tell(): Gap | undefined {
    this.putBack();
    this.#telling = this.#untold;
    this.#untold = undefined;
    return this.#telling;
  }

  /** The Bro knows what it was being told. */
  told(): void {
    this.#telling = undefined;
  }

  /** The Bro may not have heard: it is to be told again. */
  putBack(): void {
    this.#untold = this.whole;
    this.#telling = undefined;
  }
}
