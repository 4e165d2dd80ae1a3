import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { replaceFile } from '../delivery/small-file-store.ts';
import { makeDirectory } from '../files/directory-store.ts';

const row = z.record(z.string(), z.string());

const ownResult = z.object({
  /** Of runs that had differences, the first counted. */
  counter: z.number().int().nonnegative(),
  /** Of the last run; of a query of events none are kept. */
  rows: z.array(row).readonly(),
  /** Where the next reading of the system's log begins. */
  cursor: z.string().nullable(),
});

/** What is kept of a query that this process runs itself, as osquery keeps the results of those that it runs. */
export type OwnResult = z.infer<typeof ownResult>;

/** One file a query in a folder of the state directory; names of queries are fit for that. */
export class OwnResultsStore {
  readonly #folder: string;

  constructor(directory: string) {
    this.#folder = join(directory, 'own-results');
  }

  /** Undefined for a query that has not run; a file that is no such result counts as none. */
  async load(name: string): Promise<OwnResult | undefined> {
    try {
      return ownResult.parse(JSON.parse(await readFile(this.#path(name), 'utf8')));
    } catch {
      return undefined;
    }
  }

  /** Rejects as the file system does. */
  async save(name: string, result: OwnResult): Promise<void> {
    await makeDirectory(this.#folder);
    await replaceFile(this.#path(name), JSON.stringify(result), false);
  }

  async remove(name: string): Promise<void> {
    await rm(this.#path(name), { force: true });
  }

  /** Removes what is left of queries that are no more. */
  async retain(isKept: (name: string) => boolean): Promise<void> {
    const files = await readdir(this.#folder).catch(() => []);
    for (const file of files) {
      if (!isKept(file.replace(/\.json(\.new)?$/, ''))) await rm(join(this.#folder, file), { force: true });
    }
  }

  #path(name: string): string {
    return join(this.#folder, `${name}.json`);
  }
}
