import { plainText } from './terminal.ts';

/** A place of the manual where a word stands. */
export interface Hit {
  readonly topic: string;
  /** The heading above it. */
  readonly heading: string;
  /** The line, without the marks of Markdown. */
  readonly line: string;
}

/** All lines of the pages that hold every one of the words, in any case. */
export function search(pages: Readonly<Record<string, string>>, words: readonly string[]): readonly Hit[] {
  const wanted = words.map((word) => word.toLowerCase());
  return Object.entries(pages).flatMap(([topic, markdown]) => hitsOf(topic, markdown, wanted));
}

function hitsOf(topic: string, markdown: string, wanted: readonly string[]): Hit[] {
  const hits: Hit[] = [];
  let heading = '';
  let isCode = false;
  for (const line of markdown.split('\n')) {
    if (line.startsWith('```')) isCode = !isCode;
    const title = isCode ? undefined : /^#+ (.*)$/.exec(line)?.[1];
    if (title !== undefined) heading = plainText(title);
    if (!wanted.every((word) => line.toLowerCase().includes(word))) continue;
    hits.push({ topic, heading, line: isCode ? line.trim() : plainText(cellsOf(title ?? line)) });
  }
  return hits;
}

/** A row of a table as one line. */
function cellsOf(line: string): string {
  return line.startsWith('|')
    ? line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim())
        .filter((cell) => cell !== '')
        .join(' — ')
    : line;
}
