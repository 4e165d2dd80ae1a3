import type { LinkTiming } from '../../../../actors/bro-link.ts';
import type { OsqueryTiming } from '../../../../actors/osquery-core.machine.ts';

/** How Bros are reached: at first after a second, in the end once a minute. */
export const LINK_TIMING: LinkTiming = {
  backOffBase: 1_000,
  backOffMax: 60_000,
  refusedPause: 60_000,
  healthyAfter: 60_000,
};

/** How osqueryd is reached; `patience` is the command line's `--timeout` in milliseconds. */
export function osqueryTiming(patience: number): OsqueryTiming {
  return { patience, retryPause: 500, debounce: 100, refusedPause: 30_000 };
}
