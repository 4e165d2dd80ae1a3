import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TOPICS } from './topics.ts';

/** The Markdown of each page by topic. In the one executable this module is replaced by one that has them in it. */
export async function manualPages(): Promise<Readonly<Record<string, string>>> {
  const pages = TOPICS.map(
    async (topic) => [topic, await readFile(join(import.meta.dirname, `${topic}.md`), 'utf8')] as const,
  );
  return Object.fromEntries(await Promise.all(pages));
}
