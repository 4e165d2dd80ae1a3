/** What a gate tells; see {@link CallGate}. */
export type GateEvent =
  | { readonly type: 'calls.settled' }
  | { readonly type: 'call.waiting' }
  | { readonly type: 'calls.superseded' }
  | { readonly type: 'calls.released'; readonly open: boolean };

/** The calls that came between two closings. */
interface Held {
  /** The result line of the first of them. */
  line: Uint8Array | undefined;
  readonly released: PromiseWithResolvers<void>;
  readonly calls: Promise<unknown>[];
}

/**
 * Holds osqueryd's log calls while what came before them is looked for elsewhere, and takes them in the order of their
 * closings. A gate that is open costs a call nothing but being counted as under way.
 */
export class CallGate {
  readonly #tell: (event: GateEvent) => void;
  readonly #underWay = new Set<Promise<unknown>>();
  #held: readonly Held[] = [];
  #isAwaited = false;

  /** @param tell never called before the gate is */
  constructor(tell: (event: GateEvent) => void) {
    this.#tell = tell;
  }

  /** The line of the call that has waited longest; undefined where none does. */
  get line(): Uint8Array | undefined {
    return this.#held[0]?.line;
  }

  /** Calls wait from now on. Those that wait already are of another closing: they are released before. */
  close(): void {
    const released = Promise.withResolvers<void>();
    // Whoever waits for it hears of an end; nobody may.
    released.promise.catch(() => {});
    this.#held = [...this.#held, { line: undefined, released, calls: [] }];
    this.#answerAwaiting();
  }

  /** Has the call's rows taken once it may pass. Rejects where the extension ends first. */
  pass<T>(line: Uint8Array, take: () => Promise<T>): Promise<T> {
    const held = this.#held.at(-1);
    if (!held) return this.#underWayUntilDone(take());
    held.line ??= line;
    const call = held.released.promise.then(take);
    held.calls.push(call);
    this.#answerAwaiting();
    return call;
  }

  /** Tells once the calls that are under way have been taken: `calls.settled`. */
  settle(): void {
    void Promise.allSettled([...this.#underWay]).then(() => this.#tell({ type: 'calls.settled' }));
  }

  /** Tells of the first call of the oldest closing: `call.waiting`; or of a later closing: `calls.superseded`. */
  await(): void {
    this.#isAwaited = true;
    this.#answerAwaiting();
  }

  /** Lets the calls of the oldest closing pass: `calls.released`. */
  release(): void {
    const [first, ...others] = this.#held;
    this.#held = others;
    this.#isAwaited = false;
    for (const call of first?.calls ?? []) this.#underWayUntilDone(call);
    first?.released.resolve();
    this.#tell({ type: 'calls.released', open: others.length === 0 });
  }

  /** Refuses the calls that wait. */
  end(): void {
    for (const { released } of this.#held) released.reject(new Error('the extension ends'));
  }

  #underWayUntilDone<T>(call: Promise<T>): Promise<T> {
    this.#underWay.add(call);
    const done = () => this.#underWay.delete(call);
    call.then(done, done);
    return call;
  }

  #answerAwaiting(): void {
    if (!this.#isAwaited) return;
    const [first, next] = this.#held;
    if (!first?.line && !next) return;
    this.#isAwaited = false;
    this.#tell({ type: first?.line ? 'call.waiting' : 'calls.superseded' });
  }
}
