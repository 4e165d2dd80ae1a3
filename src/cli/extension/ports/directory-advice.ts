import { lstat, stat } from 'node:fs/promises';

/** What is wrong with a state directory, and what would change it. */
export interface DirectoryAdvice {
  /** Why it can't be one; null: it is one, or is not there yet. */
  readonly problem: string | null;
  readonly warnings: readonly string[];
}

const FINE: DirectoryAdvice = { problem: null, warnings: [] };
const OTHERS_WRITE = 0o022;
const ROOT = 0;

/**
 * Looks at a state directory that others than us may have made. Who may write it can put a configuration there that
 * names a Zeek of theirs, and can take what waits for ours: that is said, and is no reason to leave a host unwatched.
 *
 * @param user whom this process runs as; undefined: such numbers mean nothing on this system
 */
export async function directoryAdvice(path: string, user: number | undefined): Promise<DirectoryAdvice> {
  const found = await stat(path).catch(() => undefined);
  if (!found)
    return (await lstat(path).catch(() => undefined)) ? unusable(path, 'is a dangling symbolic link') : FINE;
  if (!found.isDirectory()) return unusable(path, 'is not a directory');
  if (user === undefined) return FINE;
  const warnings: string[] = [];
  if (found.uid !== ROOT && found.uid !== user) {
    warnings.push(`the state directory ${path} belongs to user ${found.uid}, ${DANGER}: chown it to ${user}`);
  }
  if ((found.mode & OTHERS_WRITE) !== 0) {
    const mode = (found.mode & 0o7777).toString(8).padStart(4, '0');
    warnings.push(`others may write the state directory ${path} (mode ${mode}), ${DANGER}: chmod 0700 it`);
  }
  return { problem: null, warnings };
}

const DANGER = 'who can make this host connect to a Zeek of theirs';

function unusable(path: string, what: string): DirectoryAdvice {
  return {
    problem: `the state directory ${path} ${what}: replace it with a directory, or set another state_dir`,
    warnings: [],
  };
}
