import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { reasonOf } from '../../text/reason.ts';
import { type HostFile, SetupError } from './host-file.ts';

const PERMISSIONS = 0o7777;

/** The host's files, all below a root: `/`, or a folder that stands for it. */
export class HostFiles {
  readonly #root: string;
  /** Whether files have owners and modes, as on all systems but Windows. */
  readonly #unix: boolean;

  constructor(root: string, platform: string) {
    this.#root = root;
    this.#unix = platform !== 'win32';
  }

  read(path: string): HostFile | undefined {
    const place = this.#place(path);
    try {
      const { mode, uid, gid } = statSync(place);
      return { content: readFileSync(place), mode: mode & PERMISSIONS, uid, gid };
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : '';
      if (code === 'ENOENT' && !isLink(place)) return undefined;
      throw new SetupError(`can't read ${path}: ${reasonOf(error)}; nothing was changed`);
    }
  }

  /** @throws SetupError where the file could not be written, or not be made. */
  checkWritable(path: string): void {
    const place = this.#place(path);
    try {
      if (existsSync(place)) accessSync(realpathSync(place), constants.W_OK);
      accessSync(existingFolder(place), constants.W_OK);
    } catch (error) {
      const isOthers = error instanceof Error && 'code' in error && error.code === 'EACCES';
      const advice = isOthers ? ' (run setup as root)' : '';
      throw new SetupError(`can't write ${path}: ${reasonOf(error)}${advice}; nothing was changed`);
    }
  }

  /**
   * Puts the whole file in place at once; a link stays one, and what it leads to is written.
   * @returns folders that had to be made, the outer ones first
   */
  write(path: string, { content, mode, uid, gid }: HostFile): string[] {
    const place = this.#place(path);
    const made = this.#makeFolder(dirname(path));
    const target = existsSync(place) ? realpathSync(place) : place;
    const draft = join(dirname(target), `.bro-osquery-setup-${process.pid}`);
    try {
      writeFileSync(draft, content, { mode: 0o600 });
      if (this.#unix) {
        chownSync(draft, uid, gid);
        chmodSync(draft, mode);
      }
      renameSync(draft, target);
    } finally {
      rmSync(draft, { force: true });
    }
    return made;
  }

  /** Sets owner and mode alone. */
  setPermissions(path: string, { mode, uid, gid }: Omit<HostFile, 'content'>): void {
    if (!this.#unix) return;
    chownSync(this.#place(path), uid, gid);
    chmodSync(this.#place(path), mode);
  }

  remove(path: string): void {
    rmSync(this.#place(path), { force: true, recursive: true });
  }

  /** Removes a folder if there is nothing in it. */
  removeFolder(path: string): void {
    try {
      rmdirSync(this.#place(path));
    } catch {
      // Something is in it, or it is gone.
    }
  }

  #makeFolder(path: string): string[] {
    if (existsSync(this.#place(path))) return [];
    const made = this.#makeFolder(dirname(path));
    mkdirSync(this.#place(path), { mode: 0o755 });
    if (this.#unix) chmodSync(this.#place(path), 0o755);
    return [...made, path];
  }

  #place(path: string): string {
    return this.#root === '/' ? path : join(this.#root, path);
  }
}

function isLink(place: string): boolean {
  return lstatSync(place, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}

/** The innermost folder on the way to the file that there is. */
function existingFolder(place: string): string {
  let folder = dirname(place);
  while (!existsSync(folder)) folder = dirname(folder);
  return realpathSync(folder);
}
