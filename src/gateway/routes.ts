/** Who listens on which topic prefixes, found without a look at everybody. */
export class Routes<Listener> {
  readonly #byPrefix = new Map<string, Set<Listener>>();
  /** How many prefixes there are of each length. */
  readonly #lengths = new Map<number, number>();

  add(listener: Listener, filter: readonly string[]): void {
    for (const prefix of filter) {
      let listeners = this.#byPrefix.get(prefix);
      if (!listeners) {
        listeners = new Set();
        this.#byPrefix.set(prefix, listeners);
        this.#lengths.set(prefix.length, (this.#lengths.get(prefix.length) ?? 0) + 1);
      }
      listeners.add(listener);
    }
  }

  remove(listener: Listener, filter: readonly string[]): void {
    for (const prefix of filter) {
      const listeners = this.#byPrefix.get(prefix);
      if (!listeners?.delete(listener) || listeners.size > 0) continue;
      this.#byPrefix.delete(prefix);
      const left = (this.#lengths.get(prefix.length) ?? 1) - 1;
      if (left === 0) this.#lengths.delete(prefix.length);
      else this.#lengths.set(prefix.length, left);
    }
  }

  /** Everybody with a prefix of the topic, each once. */
  to(topic: string): Iterable<Listener> {
    const found: Set<Listener>[] = [];
    for (const length of this.#lengths.keys()) {
      if (length > topic.length) continue;
      const listeners = this.#byPrefix.get(topic.slice(0, length));
      if (listeners) found.push(listeners);
    }
    const [only, ...others] = found;
    if (!only) return [];
    return others.length === 0 ? only : new Set(found.flatMap((listeners) => [...listeners]));
  }
}
