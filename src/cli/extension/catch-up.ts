/** Milliseconds from our registration on within which osqueryd's first log call is waited for. */
const PATIENCE = 5_000;

/**
 * When to catch up with what was missed: for each registration at once, and again right before osqueryd's first result
 * is taken, since everything that its scheduler, a single thread, ran before is written down then. Where no call
 * comes, after a moment.
 */
export class CatchUp {
  readonly #take: (waiting: Uint8Array | undefined) => Promise<unknown>;
  readonly #onCaughtUp: () => void;
  #first: Promise<unknown> = Promise.resolve();
  #last: Promise<unknown> | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param take takes what was missed; to take it again takes nothing */
  constructor(take: (waiting: Uint8Array | undefined) => Promise<unknown>, onCaughtUp: () => void) {
    this.#take = take;
    this.#onCaughtUp = onCaughtUp;
  }

  /** osqueryd is about to know us, again: since it last did there may have been results. */
  begin(): void {
    this.end();
    this.#last = undefined;
    this.#first = this.#take(undefined);
    // Where the state directory can't be opened, the root machine says so.
    this.#first.catch(() => {});
    this.#timer = setTimeout(() => this.before(undefined).catch(() => {}), PATIENCE).unref();
  }

  /** Resolves when the line may be taken. */
  async before(line: Uint8Array | undefined): Promise<void> {
    clearTimeout(this.#timer);
    this.#last ??= this.#first.then(() => this.#take(line)).then(this.#onCaughtUp);
    await this.#last;
  }

  /** No call will come. */
  end(): void {
    clearTimeout(this.#timer);
  }
}
