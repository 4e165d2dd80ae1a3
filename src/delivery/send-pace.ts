import type { CourierLimits } from './ports.ts';

/** How rows go out over a link at the moment. */
export interface SendPace {
  /** See SentRows in {@link file://../vocabulary/model.ts}. */
  readonly run: number;
  /** Rows that may be sent and not confirmed. */
  readonly windowRows: number;
  /** Milliseconds before the first of them. */
  readonly pause: number;
}

/** Milliseconds of pause before rows are sent again: twice as long each time in a row. */
const PAUSE = { least: 500, most: 30_000 };

export function firstPace({ windowRows }: CourierLimits): SendPace {
  return { run: 0, windowRows, pause: 0 };
}

/** Rows did not arrive: what was too much is halved, and begins anew. */
export function slower({ run, windowRows, pause }: SendPace, { batchRows }: CourierLimits): SendPace {
  return {
    run: run + 1,
    windowRows: Math.max(batchRows, Math.floor(windowRows / 2)),
    pause: Math.min(PAUSE.most, Math.max(PAUSE.least, pause * 2)),
  };
}

/** Rows have arrived. */
export function faster(pace: SendPace, { windowRows }: CourierLimits): SendPace {
  if (pace.windowRows === windowRows && pace.pause === 0) return pace;
  return { run: pace.run, windowRows: Math.min(windowRows, pace.windowRows * 2), pause: 0 };
}
