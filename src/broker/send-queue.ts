import { ConnectionError } from './connection.ts';

/** Calls that may wait their turn. */
const MAX_WAITING = 1_000;

/** Calls of `send` and `confirm`, one after the other in the order they came. */
export class SendQueue {
  readonly #peerName: string;
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;

  /** @param peerName how the other side is named in messages */
  constructor(peerName: string) {
    this.#peerName = peerName;
  }

  /** The outcome of the task, whose turn comes when those before it are through; `overflow` if too many wait. */
  run(task: () => Promise<void>): Promise<void> {
    if (this.#waiting >= MAX_WAITING) {
      const problem = `${this.#waiting} calls wait to send to ${this.#peerName}`;
      return Promise.reject(new ConnectionError('overflow', `${problem}: await one before the next`));
    }
    this.#waiting += 1;
    const done = this.#last.then(() => {
      this.#waiting -= 1;
      return task();
    });
    this.#last = done.catch(() => undefined);
    return done;
  }
}
