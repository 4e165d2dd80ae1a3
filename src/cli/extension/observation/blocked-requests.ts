import { ProblemThrottle } from '../../../text/problem-throttle.ts';
import type { ExtensionContext } from '../extension-context.ts';

/** Milliseconds between two lines of the log on requests that are refused for the same trouble. */
const INTERVAL = 60_000;

/** Says in the log that requests of Zeeks can't be decided on, and why: the disk is full, or osqueryd is away. */
export function logBlockedRequests({ bus, log, runtime }: ExtensionContext): void {
  const throttle = new ProblemThrottle(INTERVAL, runtime.now);
  bus.subscribe(['schedule.blocked'], (message) => {
    if (message.type !== 'schedule.blocked' || throttle.count() === 0) return;
    log.warn({ area: 'schedule' }, `refusing requests of Zeeks for now: ${message.reason}`);
  });
}
