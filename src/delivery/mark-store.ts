import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { makeDirectory } from '../files/directory-store.ts';
import { type KeptMarks, type MarkKeeper, Marks } from './marks.ts';
import { replaceFile } from './small-file-store.ts';

const FILE = 'marks.json';

const count = z.int().nonnegative();
const mark = z.object({ name: z.string(), unixTime: z.number(), counter: z.number(), rows: count });
const file = z.object({ version: z.literal(1), since: count, upTo: count, marks: z.array(mark) });

export interface MarkOptions {
  /** Created if it isn't there. */
  readonly directory: string;
  /** Milliseconds since the epoch. */
  now(): number;
}

/**
 * The marks in one small file. It is written when the journal loses what they were taken from, and lies there from
 * the first start on: where there is none that can be read, what osquery ran before now counts as taken, for to take
 * it once more would bring a Zeek rows that it has had.
 */
export class MarkStore implements MarkKeeper {
  readonly marks: Marks;
  readonly #directory: string;

  private constructor(directory: string, marks: Marks) {
    this.#directory = directory;
    this.marks = marks;
  }

  /** Rejects where the directory can't be made. */
  static async open({ directory, now }: MarkOptions): Promise<MarkStore> {
    await makeDirectory(directory);
    const kept = await read(join(directory, FILE));
    if (kept) return new MarkStore(directory, new Marks(kept));
    const store = new MarkStore(
      directory,
      new Marks({ since: Math.floor(now() / 1000), upTo: 0, marks: [] }),
    );
    // A disk that takes nothing now is no reason not to start: the next start will begin anew, too.
    await store.save(0).catch(() => {});
    return store;
  }

  save(upTo: number): Promise<void> {
    const text = JSON.stringify({ version: 1, ...this.marks.kept(upTo) });
    return replaceFile(join(this.#directory, FILE), `${text}\n`, true);
  }
}

async function read(path: string): Promise<KeptMarks | undefined> {
  try {
    return file.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined;
  }
}
