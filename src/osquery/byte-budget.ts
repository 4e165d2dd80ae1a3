/**
 * How many bytes the connections of one socket may hold together. Who would go beyond waits until others have
 * given back; where all who hold something wait, the oldest goes on, so that they never wait for each other.
 * At most the budget and one message are held therefore.
 */
export class ByteBudget {
  readonly #limit: number;
  /** In order of age. */
  readonly #holders = new Set<Share>();
  #held = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Bytes held by all. */
  get held(): number {
    return this.#held;
  }

  join(): Share {
    const share: Share = { bytes: 0, waiting: undefined };
    this.#holders.add(share);
    return share;
  }

  leave(share: Share): void {
    share.waiting = undefined;
    this.#holders.delete(share);
    this.hold(share, 0);
  }

  /** Sets what the share has from now on. */
  hold(share: Share, bytes: number): void {
    const less = bytes < share.bytes;
    this.#held += bytes - share.bytes;
    share.bytes = bytes;
    if (less) this.#admit();
  }

  /** Calls `then`, now or later, when `bytes` more may be held. One at a time for each share. */
  ask(share: Share, bytes: number, then: () => void): void {
    share.waiting = { bytes, then };
    this.#admit();
  }

  #admit(): void {
    let admitted = false;
    for (const share of this.#holders) {
      if (share.waiting && this.#held + share.waiting.bytes <= this.#limit) {
        admitted = true;
        go(share);
      }
    }
    if (admitted) return;
    const holders = [...this.#holders];
    if (holders.some((share) => share.bytes > 0 && !share.waiting)) return;
    const oldest = holders.find((share) => share.waiting);
    if (oldest) go(oldest);
  }
}

/** One connection's part of a {@link ByteBudget}; only the budget writes it. */
export interface Share {
  bytes: number;
  waiting: { readonly bytes: number; readonly then: () => void } | undefined;
}

function go(share: Share): void {
  const { waiting } = share;
  share.waiting = undefined;
  waiting?.then();
}
