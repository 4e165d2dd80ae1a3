/** Lets one loop rest until there is something to do; what happens while it works isn't missed. */
export class Signal {
  #raised = false;
  #resume: (() => void) | undefined;

  raise(): void {
    this.#raised = true;
    this.#resume?.();
  }

  /** Resolves when the signal is raised, or was since the last time. */
  async rest(): Promise<void> {
    if (!this.#raised) await new Promise<void>((resolve) => (this.#resume = resolve));
    this.#resume = undefined;
    this.#raised = false;
  }
}
