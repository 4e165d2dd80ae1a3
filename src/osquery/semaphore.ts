/** A place among those who wait or run. */
export interface Place {
  /** Resolves when the place's turn has come. */
  readonly turn: Promise<void>;
  /** Gives the place up, whether its turn has come or not; at the second time nothing happens. */
  leave(): void;
}

/** Lets so many run at a time and the others wait in the order they came. */
export class Semaphore {
  #free: number;
  readonly #waiting = new Map<symbol, () => void>();

  constructor(permits: number) {
    this.#free = permits;
  }

  enter(): Place {
    const id = Symbol('place');
    const { promise: turn, resolve } = Promise.withResolvers<void>();
    if (this.#free > 0) {
      this.#free -= 1;
      resolve();
    } else {
      this.#waiting.set(id, resolve);
    }
    let left = false;
    const leave = () => {
      if (left) return;
      left = true;
      if (!this.#waiting.delete(id)) this.#next();
    };
    return { turn, leave };
  }

  #next(): void {
    const [first] = this.#waiting;
    if (!first) {
      this.#free += 1;
      return;
    }
    const [id, resolve] = first;
    this.#waiting.delete(id);
    resolve();
  }
}
