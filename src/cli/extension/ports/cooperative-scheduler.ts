/**
 * Milliseconds that osquery may keep all others waiting. Who takes longer, because the disk does or because
 * a client connects and says nothing, comes first no more.
 */
const PATIENCE = 25;

/**
 * Shares the thread between osquery, which comes first, and those who have much to do (the courier, for each of its
 * Bros). They do a short piece of it at a time, and each time ask for their next turn: one of them, in the order
 * they asked, has a turn between two looks at the sockets, and none while osquery waits for an answer. So a call
 * waits for one piece of somebody's work at most, however many Bros there are and however much lies there for them.
 */
export class CooperativeScheduler {
  readonly #asking: (() => void)[] = [];
  readonly #attended = new Set<object>();
  #immediate: NodeJS.Immediate | undefined;
  #patience: NodeJS.Timeout | undefined;

  /** Osquery is at the door. @returns what says that it has its answer, or has left */
  readonly beginCall = (): (() => void) => {
    const visit = {};
    this.#attended.add(visit);
    return () => {
      if (this.#attended.delete(visit)) this.#arrange();
    };
  };

  /** Resolves when everything else that is due, osquery first, has had its turn. */
  readonly nextSlot = (): Promise<void> =>
    new Promise((resolve) => {
      this.#asking.push(resolve);
      this.#arrange();
    });

  #arrange(): void {
    if (this.#asking.length === 0) return;
    if (this.#attended.size === 0) {
      this.#immediate ??= setImmediate(() => {
        this.#immediate = undefined;
        this.#give();
      });
    } else {
      this.#patience ??= setTimeout(() => {
        this.#attended.clear();
        this.#give();
      }, PATIENCE);
    }
  }

  #give(): void {
    // Osquery may have come since this was arranged.
    if (this.#attended.size === 0) {
      clearTimeout(this.#patience);
      this.#patience = undefined;
      this.#asking.shift()?.();
    }
    this.#arrange();
  }
}
