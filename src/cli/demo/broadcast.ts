/** What a process of the demo has said so far, and promises for what it will say. */
export class Broadcast<T> {
  readonly #heard: T[] = [];
  readonly #waiting = new Set<(item: T) => void>();

  get heard(): readonly T[] {
    return this.#heard;
  }

  add(item: T): void {
    this.#heard.push(item);
    for (const take of [...this.#waiting]) take(item);
  }

  /**
   * The first item that the test finds something in, said already or yet to be said.
   * @param signal its reason is thrown when it aborts
   */
  find<R>(test: (item: T) => R | undefined, signal: AbortSignal): Promise<R> {
    for (const item of this.#heard) {
      const found = test(item);
      if (found !== undefined) return Promise.resolve(found);
    }
    return new Promise((resolve, reject) => {
      const end = () => {
        this.#waiting.delete(take);
        signal.removeEventListener('abort', give);
      };
      const give = () => {
        end();
        reject(signal.reason);
      };
      const take = (item: T) => {
        const found = test(item);
        if (found === undefined) return;
        end();
        resolve(found);
      };
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      this.#waiting.add(take);
      signal.addEventListener('abort', give);
    });
  }
}
