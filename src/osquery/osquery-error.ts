/**
 * How a call to osquery went wrong: `refused` osquery answered with a status other than 0, `timeout` no answer
 * within the deadline, `unreachable` there is no osqueryd behind the socket (any more), `protocol` what came
 * back is no answer to what was asked.
 */
export type OsqueryErrorKind = 'refused' | 'timeout' | 'unreachable' | 'protocol';

/** A call to osquery that gave no result. Of a refusal, `message` is osquery's own text, unchanged. */
export class OsqueryError extends Error {
  override readonly name = 'OsqueryError';
  readonly kind: OsqueryErrorKind;
  /** osquery's status code of a refusal, else null. */
  readonly code: number | null;

  constructor(kind: OsqueryErrorKind, message: string, code: number | null = null, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
    this.code = code;
  }
}

/** Whether there was no osqueryd to talk with, or none any more. */
export function isUnreachable(error: unknown): boolean {
  return error instanceof OsqueryError && error.kind === 'unreachable';
}
