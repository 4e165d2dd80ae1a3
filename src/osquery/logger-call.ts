/**
 * What osqueryd means by a call of a `logger` plugin, told by the keys of its request. Values stay byte strings
 * and unparsed: between the call and its answer there is time for nothing but to write them down.
 */

/** The bits of the status code that answers `features`. */
export const LOGGER_FEATURES = { statusLogs: 1, events: 2 } as const;

/**
 * How the rows of a query run are packed in a payload. `line`: one result line (a row of the event format, or a
 * batch). `snapshot`: one snapshot line (all rows, or a single row). `batch`: a JSON array of result lines.
 */
export type ResultForm = 'line' | 'snapshot' | 'batch';

export type LoggerCall =
  /** Once at start. `log` is a status log, empty since osquery 5. */
  | { readonly type: 'init'; readonly process: string; readonly log: string }
  /** Once after init, to be answered with {@link LOGGER_FEATURES} as the status code. */
  | { readonly type: 'features' }
  /** osquery's own log; see {@link parseStatusLog}. The answer is not looked at. */
  | { readonly type: 'status'; readonly log: string }
  /** Rows of a scheduled query; must never be answered with a failure. */
  | { readonly type: 'result'; readonly form: ResultForm; readonly payload: string }
  /** A row of an event table at the moment of the event: a flat JSON object without the table's name. */
  | { readonly type: 'event'; readonly payload: string }
  | { readonly type: 'unknown'; readonly keys: readonly string[] };

/** What a call carries that is to be delivered, in whatever form its payload is. */
export type CarriedRows<T> =
  | { readonly type: 'result'; readonly form: ResultForm; readonly payload: T }
  | { readonly type: 'event'; readonly payload: T };

/** The rows that a call carries, undefined for all other calls. */
export function carriedRows<T>(request: ReadonlyMap<string, T>): CarriedRows<T> | undefined {
  const line = request.get('string');
  if (line !== undefined) return { type: 'result', form: 'line', payload: line };
  const batch = request.get('string_batch');
  if (batch !== undefined) return { type: 'result', form: 'batch', payload: batch };
  const snapshot = request.get('snapshot');
  if (snapshot !== undefined) return { type: 'result', form: 'snapshot', payload: snapshot };
  if (request.has('init') || request.has('status')) return undefined;
  const event = request.get('event');
  return event === undefined ? undefined : { type: 'event', payload: event };
}

/** Tells the calls apart in the order in which osquery's own logger plugins do. Never throws. */
export function readLoggerCall(request: ReadonlyMap<string, string>): LoggerCall {
  const carried = carriedRows(request);
  if (carried) return carried;
  const init = request.get('init');
  if (init !== undefined) return { type: 'init', process: init, log: request.get('log') ?? '' };
  if (request.has('status')) return { type: 'status', log: request.get('log') ?? '' };
  if (request.get('action') === 'features') return { type: 'features' };
  return { type: 'unknown', keys: [...request.keys()] };
}
