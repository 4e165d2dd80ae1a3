import { ProblemThrottle } from '../text/problem-throttle.ts';
import type { ConnectionLifecycle } from './connection-lifecycle.ts';
import type { Refused } from './refusals.ts';

/** Milliseconds between two reports of one kind of error. */
const INTERVAL = 60_000;

/** Zeek's errors as problems of their connection: each kind at first, then once in a while with how many there were. */
export class ErrorReports {
  readonly #lifecycle: Pick<ConnectionLifecycle, 'problem' | 'clock'>;
  readonly #throttles = new Map<string, ProblemThrottle>();

  constructor(lifecycle: Pick<ConnectionLifecycle, 'problem' | 'clock'>) {
    this.#lifecycle = lifecycle;
  }

  /** An error that can't be said to be about certain events. */
  error(code: string, context: string, recent: string): void {
    this.#report(`Zeek reported ${code}: ${context}`, 1, recent && `; last sent: ${recent}`);
  }

  refused({ events, count, of, isTold }: Refused, recent: string): void {
    // Whoever sent them says so, and of which query they are.
    if (isTold) return;
    const which = count === of ? '' : `, ${count} of ${of}`;
    const why = `${which}: it has none of that name with these parameters; last sent: ${recent}`;
    this.#report(`Zeek refused events ${events.join(', ')}`, count, why);
  }

  #report(problem: string, count: number, details: string): void {
    let throttle = this.#throttles.get(problem);
    if (!throttle) {
      const { clock } = this.#lifecycle;
      throttle = new ProblemThrottle(INTERVAL, () => clock.now());
      this.#throttles.set(problem, throttle);
    }
    const times = throttle.count(count);
    if (times === 0) return;
    this.#lifecycle.problem(`${problem}${times > 1 ? ` (${times} times)` : ''}${details}`);
  }
}
