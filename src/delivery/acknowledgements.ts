import type { CourierPorts } from './ports.ts';

/** What the scripts of a Bro have acknowledged over one link. */
export class Acknowledgements {
  /** They did not acknowledge for too long; once they do again they are asked again. */
  silent = false;
  #highest = -1;
  #raise: (() => void) | undefined;

  /** All rows up to and with the number have been handled. */
  record(sequence: number): void {
    this.#highest = Math.max(this.#highest, sequence);
    this.silent = false;
    this.#raise?.();
  }

  /** The link is down: waiting ends. */
  end(): void {
    this.#highest = Number.POSITIVE_INFINITY;
    this.#raise?.();
  }

  /**
   * Waits until the number is acknowledged, but no longer than the grace, in milliseconds.
   * @returns whether it is
   */
  async reach(upTo: number, grace: number, { after }: Pick<CourierPorts, 'after'>): Promise<boolean> {
    let late = false;
    const cancel = after(grace, () => {
      late = true;
      this.#raise?.();
    });
    while (this.#highest < upTo && !late) {
      await new Promise<void>((resolve) => {
        this.#raise = resolve;
      });
    }
    cancel();
    this.#raise = undefined;
    this.silent = this.#highest < upTo;
    return !this.silent;
  }
}
