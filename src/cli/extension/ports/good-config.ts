import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { replaceFile } from '../../../delivery/small-file-store.ts';
import { makeDirectory } from '../../../files/directory-store.ts';

/** A configuration that was in force: the member `bro` as it was written, which has secrets in it. */
export interface GoodConfig {
  /** When it was read, milliseconds since the epoch. */
  readonly at: number;
  /** Where it was read, in words. */
  readonly source: string;
  readonly bro: unknown;
}

const FILE = 'configuration.json';

const schema = z.object({ at: z.number(), source: z.string(), bro: z.unknown() });

/** The one that was kept in that state directory; undefined where there is none that can be read. */
export async function loadGoodConfig(directory: string): Promise<GoodConfig | undefined> {
  try {
    const kept = schema.parse(JSON.parse(await readFile(join(directory, FILE), 'utf8')));
    return { ...kept, bro: kept.bro ?? undefined };
  } catch {
    return undefined;
  }
}

/** Keeps it for the next start, in place of a former one; a crash leaves the old or the new. */
export async function saveGoodConfig(directory: string, good: GoodConfig): Promise<void> {
  await makeDirectory(directory);
  await replaceFile(join(directory, FILE), `${JSON.stringify({ ...good, bro: good.bro ?? null })}\n`, true);
}
