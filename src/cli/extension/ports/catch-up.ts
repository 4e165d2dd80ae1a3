/** Milliseconds from our registration on within which osqueryd's first log call is waited for. */
const PATIENCE = 5_000;

export interface CatchUpParts {
  /**
   * Takes what was missed; to take it again takes nothing.
   * @param waiting the line of the call that waits, where one does
   * @param signal aborted where it is to end before its time
   */
  readonly take: (waiting: Uint8Array | undefined, signal: AbortSignal) => Promise<unknown>;
  /** All has been taken that could be, since osqueryd last came to know us. */
  readonly onCaughtUp: () => void;
}

/** What there is to do for one registration. */
interface Round {
  readonly first: Promise<unknown>;
  /** The second taking; undefined until a call comes, or none has for a moment. */
  last: Promise<void> | undefined;
  readonly timer: NodeJS.Timeout;
}

/**
 * When to catch up with what was missed: for each registration at once, and again right before osqueryd's first result
 * is taken, since everything that its scheduler, a single thread, ran before is written down then. Where no call
 * comes, after a moment. One taking ends before the next begins, in whatever registration: two at once would each
 * find missing what the other is about to bring.
 */
export class CatchUp {
  readonly #parts: CatchUpParts;
  readonly #ending = new AbortController();
  #round: Round | undefined;
  #taking: Promise<void> = Promise.resolve();
  /** Calls of earlier registrations too: what they bring is not missing. */
  readonly #calls = new Set<Promise<unknown>>();

  constructor(parts: CatchUpParts) {
    this.#parts = parts;
  }

  /** osqueryd knows us, again, and is about to call: since it last did there may have been results. */
  begin(): void {
    clearTimeout(this.#round?.timer);
    if (this.#ending.signal.aborted) return;
    const calls = [...this.#calls];
    const first = this.#taking.then(() => Promise.allSettled(calls)).then(() => this.#take(undefined));
    const timer = setTimeout(() => this.#finish(round, undefined).catch(() => {}), PATIENCE).unref();
    const round: Round = { first, last: undefined, timer };
    this.#round = round;
    this.#follow(first);
  }

  /** Has the call's rows taken when what was missed before has been. Rejects where that is cut short by our end. */
  async inOrder<T>(line: Uint8Array, take: () => Promise<T>): Promise<T> {
    const round = this.#round;
    const call = (round ? this.#finish(round, line) : Promise.resolve()).then(take);
    this.#calls.add(call);
    try {
      return await call;
    } finally {
      this.#calls.delete(call);
    }
  }

  /** Nothing more is to be taken. Resolves when nothing is under way. */
  async end(): Promise<void> {
    clearTimeout(this.#round?.timer);
    this.#ending.abort(new Error('the extension ends'));
    await this.#taking;
  }

  #finish(round: Round, line: Uint8Array | undefined): Promise<void> {
    clearTimeout(round.timer);
    if (!round.last) {
      round.last = round.first
        .then(() => this.#take(line))
        .then(() => {
          // What another registration missed is still to be taken.
          if (round === this.#round) this.#parts.onCaughtUp();
        });
      this.#follow(round.last);
    }
    return round.last;
  }

  async #take(line: Uint8Array | undefined): Promise<void> {
    const { signal } = this.#ending;
    signal.throwIfAborted();
    await this.#parts.take(line, signal);
    signal.throwIfAborted();
  }

  #follow(taking: Promise<unknown>): void {
    // Where the state directory can't be opened, the root machine says so.
    this.#taking = Promise.allSettled([this.#taking, taking]).then(() => {});
  }
}
