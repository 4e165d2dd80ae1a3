/** What can go wrong with an event log, as stable codes. */
export type EventLogErrorCode =
  /** Another process writes this log. */
  | 'locked'
  /** No room for more; what is there is safe, and appending works again once there is room. */
  | 'disk-full'
  /** The directory or the file system lets nothing be written. */
  | 'read-only'
  /** Any other failure of the file system. */
  | 'io'
  /** Decided on another state than the one that the log has come to. */
  | 'conflict'
  /** The log was closed. */
  | 'closed'
  /** A record's checksum doesn't fit its text. */
  | 'bad-checksum'
  /** A record is no record, or a fact doesn't look as its type says. */
  | 'bad-record'
  /** A record is longer than any that this program writes. */
  | 'record-too-long'
  /** Records are missing, or there twice. */
  | 'bad-sequence'
  /** A snapshot that is needed is unreadable or missing. */
  | 'bad-snapshot'
  /** Written by a newer version of this program. */
  | 'newer-format'
  /** There is no log at that path. */
  | 'not-found'
  /** A reader's place in the log is gone, since the writer took back what it could not finish. */
  | 'rewritten';

/** Where in which file. */
export interface Place {
  readonly file: string;
  /** Bytes from the start of the file. */
  readonly offset: number;
}

/** An error of the event log: the message says what happened, where, and what to do. */
export class EventLogError extends Error {
  readonly code: EventLogErrorCode;
  readonly place: Place | null;

  constructor(code: EventLogErrorCode, message: string, place: Place | null = null, cause?: unknown) {
    super(place ? `${message} (${place.file}, byte ${place.offset})` : message, { cause });
    this.name = 'EventLogError';
    this.code = code;
    this.place = place;
  }
}

/** The same error, with the place that only the caller knows. */
export function atPlace(error: EventLogError, place: Place): EventLogError {
  return error.place ? error : new EventLogError(error.code, error.message, place, error.cause);
}

/** A failure of the file system in our words; `doing` says what was tried, as in "append to /x/y". */
export function fromSystem(error: unknown, doing: string): EventLogError {
  if (error instanceof EventLogError) return error;
  const { code, message } = systemError(error);
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return new EventLogError(
        'disk-full',
        `could not ${doing}: no space left on the device (${code}); free some`,
        null,
        error,
      );
    case 'ENOENT':
    case 'ENOTDIR':
      return new EventLogError('not-found', `could not ${doing}: it does not exist`, null, error);
    case 'EROFS':
    case 'EACCES':
    case 'EPERM':
      return new EventLogError('read-only', `could not ${doing}: permission denied (${code})`, null, error);
    default:
      return new EventLogError('io', `could not ${doing}: ${message}`, null, error);
  }
}

/** A system error's code, empty if it has none, and its text. */
export function systemError(error: unknown): { readonly code: string; readonly message: string } {
  if (!(error instanceof Error)) return { code: '', message: String(error) };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return { code, message: error.message };
}
