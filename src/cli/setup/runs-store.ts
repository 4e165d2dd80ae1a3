import { createHash } from 'node:crypto';
import { z } from 'zod';
import { reasonOf } from '../../text/reason.ts';
import { type Change, type HostFile, SetupError } from './host-file.ts';
import type { HostFiles } from './host-files-store.ts';

/**
 * What each run of setup has changed, with copies of what was there: `runs/1/run.json` and `runs/1/copy-0`. It is
 * written before the first file is changed, so that a run that was cut off can be undone as well.
 */

const permissions = { mode: z.int(), uid: z.int(), gid: z.int() };

const runFile = z.object({
  format: z.literal(1),
  /** When, and by which version. */
  at: z.string(),
  version: z.string(),
  changes: z.array(
    z.object({
      path: z.string(),
      /** Null: there was no such file. Its copy is null where its content did not change. */
      before: z.object({ sha256: z.string(), copy: z.string().nullable(), ...permissions }).nullable(),
      after: z.object({ sha256: z.string(), ...permissions }),
    }),
  ),
  /** Folders that had to be made, the outer ones first. */
  folders: z.array(z.string()),
});

type Run = z.infer<typeof runFile>;
type ChangedFile = Run['changes'][number];

export class Runs {
  readonly #files: HostFiles;
  readonly #folder: string;
  readonly #slash: string;
  readonly #owner: { readonly uid: number; readonly gid: number };

  /** @param folder of everything that setup keeps */
  constructor(files: HostFiles, folder: string, owner: { readonly uid: number; readonly gid: number }) {
    this.#files = files;
    this.#folder = folder;
    this.#slash = folder.includes('\\') ? '\\' : '/';
    this.#owner = owner;
  }

  /** How many there are to be undone. */
  get count(): number {
    let count = 0;
    while (this.#files.read(this.#path(count + 1, 'run.json'))) count += 1;
    return count;
  }

  /** The folder of the run of that number. */
  folderOf(run: number): string {
    return [this.#folder, 'runs', String(run)].join(this.#slash);
  }

  /** Makes all changes; where one fails, those before it are taken back. @returns the number of the run */
  apply(changes: readonly Change[], told: { readonly at: string; readonly version: string }): number {
    for (const { path } of changes) this.#files.checkWritable(path);
    const number = this.count + 1;
    this.#files.checkWritable(this.#path(number, 'run.json'));
    const folders = changes.flatMap((change, index) => this.#keep(number, change, index));
    const run: Run = { format: 1, ...told, changes: changes.map(toRecord), folders };
    this.#write(number, run);
    try {
      for (const { path, before, after } of changes) {
        if (before?.content.equals(after.content)) this.#files.setPermissions(path, after);
        else run.folders.push(...this.#files.write(path, after));
        this.#write(number, run);
      }
    } catch (error) {
      this.undo();
      throw new SetupError(`${reasonOf(error)}; what was changed before has been put back`);
    }
    return number;
  }

  /** What undoing the last run would change back. @throws SetupError where a file is another by now */
  backward(): Change[] {
    return this.#backward(this.#read(this.count)).map(({ path, now, back }) => {
      const nothing = { content: Buffer.alloc(0), mode: 0, uid: 0, gid: 0 };
      return { path, before: now, after: back ?? nothing, shown: 'text' as const };
    });
  }

  /** Takes the last run back, byte for byte. @returns the files that it has put back */
  undo(): string[] {
    const number = this.count;
    const run = this.#read(number);
    const steps = this.#backward(run);
    for (const { path } of steps) this.#files.checkWritable(path);
    for (const { path, back } of steps) {
      if (back) this.#files.write(path, back);
      else this.#files.remove(path);
    }
    this.#files.remove(this.folderOf(number));
    const ours = ['runs', 'tls'].map((name) => [this.#folder, name].join(this.#slash));
    const folders = [...run.folders, ...ours, this.#folder];
    // The inner ones first.
    for (const folder of folders.toSorted((one, other) => other.length - one.length)) {
      this.#files.removeFolder(folder);
    }
    return steps.map(({ path }) => path);
  }

  #backward(run: Run) {
    const found = run.changes.toReversed().map((change, index) => {
      const now = this.#files.read(change.path);
      const copy = change.before?.copy;
      const content = copy ? this.#files.read(copy)?.content : now?.content;
      const back = change.before && content ? { ...change.before, content } : undefined;
      return { path: change.path, change, now, back, index };
    });
    const foreign = found.filter(({ change, now }) => !isAsBefore(change, now) && !isAsAfter(change, now));
    if (foreign.length > 0) {
      const told = foreign.map(({ path, change }) =>
        change.before?.copy ? `${path} (as it was before: ${change.before.copy})` : path,
      );
      throw new SetupError(
        `these files have been changed since setup, so nothing was undone: ${told.join(', ')}. Take what you want to keep out of them by hand`,
      );
    }
    return found.filter(({ change, now, back }) => !isAsBefore(change, now) || !samePermissions(now, back));
  }

  /** A copy of what is there. @returns folders that had to be made */
  #keep(number: number, { path, before, after }: Change, index: number): string[] {
    if (!before || before.content.equals(after.content)) return [];
    const copy = this.#path(number, `copy-${index}`);
    if (path === copy) throw new SetupError(`${path} is a copy of setup's own`);
    // Whatever it holds, nobody but its owner reads a copy.
    return this.#files.write(copy, { content: before.content, mode: 0o600, ...this.#owner });
  }

  #path(run: number, name: string): string {
    return [this.folderOf(run), name].join(this.#slash);
  }

  #read(number: number): Run {
    const file = number === 0 ? undefined : this.#files.read(this.#path(number, 'run.json'));
    if (!file) throw new SetupError(`there is nothing to undo: ${this.#folder} has no record of a run`);
    const parsed = runFile.safeParse(JSON.parse(file.content.toString('utf8')));
    if (!parsed.success) throw new SetupError(`${this.#path(number, 'run.json')} is of another version`);
    return {
      ...parsed.data,
      changes: parsed.data.changes.map(({ before, ...rest }) => ({
        ...rest,
        before: before && { ...before, copy: before.copy === null ? null : this.#path(number, before.copy) },
      })),
    };
  }

  #write(number: number, run: Run): void {
    const text = `${JSON.stringify(run, null, 2)}\n`;
    const made = this.#files.write(this.#path(number, 'run.json'), {
      content: Buffer.from(text),
      mode: 0o600,
      ...this.#owner,
    });
    run.folders.push(...made);
  }
}

function toRecord({ path, before, after }: Change, index: number): ChangedFile {
  const { content, ...rest } = after;
  return {
    path,
    before: before
      ? {
          sha256: sha256(before.content),
          copy: before.content.equals(content) ? null : `copy-${index}`,
          mode: before.mode,
          uid: before.uid,
          gid: before.gid,
        }
      : null,
    after: { sha256: sha256(content), ...rest },
  };
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

function isAsBefore({ before }: ChangedFile, now: HostFile | undefined): boolean {
  return before === null ? now === undefined : now !== undefined && sha256(now.content) === before.sha256;
}

function isAsAfter({ after }: ChangedFile, now: HostFile | undefined): boolean {
  return now !== undefined && sha256(now.content) === after.sha256;
}

function samePermissions(now: HostFile | undefined, back: HostFile | undefined): boolean {
  return now?.mode === back?.mode && now?.uid === back?.uid && now?.gid === back?.gid;
}
