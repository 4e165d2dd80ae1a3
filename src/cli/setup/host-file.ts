/** A file of the host as it is, or as it is to be. */
export interface HostFile {
  readonly content: Buffer;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** One file that setup changes. */
export interface Change {
  readonly path: string;
  /** Undefined: there is none yet. */
  readonly before: HostFile | undefined;
  readonly after: HostFile;
  /** `hidden` for what nobody is to read on a screen, `binary` for what nobody could. */
  readonly shown: 'text' | 'hidden' | 'binary';
}

/** What a host is to become, and what is to be said of it. */
export interface Plan {
  readonly changes: readonly Change[];
  /** What setup leaves to the operator. */
  readonly notes: readonly string[];
  /** The flags that osqueryd starts with. */
  readonly flagfile: string;
}

/** The host can't be set up as it is; nothing has been changed. */
export class SetupError extends Error {
  override readonly name = 'SetupError';
}

/** Whether nothing would change. */
export function isSame(before: HostFile | undefined, after: HostFile): boolean {
  if (!before) return false;
  const { content, mode, uid, gid } = after;
  return before.content.equals(content) && before.mode === mode && before.uid === uid && before.gid === gid;
}
