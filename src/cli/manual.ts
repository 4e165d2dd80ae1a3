import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Command } from 'commander';
import { type Io, printLine } from './io.ts';
import { contents, ManualError, markdownOf } from './manual/lookup.ts';
import { manualPages } from './manual/pages.ts';
import { search } from './manual/search.ts';
import { renderPage } from './manual/terminal.ts';
import { TOPICS } from './manual/topics.ts';

interface ManualOptions {
  readonly search?: readonly string[];
  readonly pager: boolean;
  readonly markdown?: boolean;
}

/** The terminal and the environment of whoever reads. */
export interface Reader {
  /** Columns of the terminal; undefined where none is, 0 where it does not know. */
  readonly columns: number | undefined;
  /** The command that shows a text by pages; empty for none. */
  readonly pager: string;
  readonly colours: boolean;
}

/** Columns: longer lines are hard to read. */
const WIDEST = 100;

const HELP = `
A topic is a page (${TOPICS.join(', ')})
or a heading of one: manual exit-codes.

Exit codes: 0 shown; 1 there is no such topic, or no line with the words.`;

/** `bro-osquery manual`: the pages of the manual, which the executable has inside. */
export function manualCommand(io: Io, reader: Reader): Command {
  return new Command('manual')
    .description('show a page of the manual, or find words in it')
    .argument('[topic]', 'a page or a heading; none: the list of pages')
    .option('--search <word...>', 'the lines of all pages that have these words')
    .option('--markdown', 'as it is written')
    .option('--no-pager', 'all at once')
    .addHelpText('after', HELP)
    .action(async (topic: string | undefined, options: ManualOptions) => {
      const pages = await manualPages();
      if (options.search) return printLine(io.out, found(pages, options.search));
      const markdown = topic === undefined ? contents(pages) : markdownOf(pages, topic);
      const width = Math.min(reader.columns || WIDEST, WIDEST);
      const text = options.markdown ? markdown : renderPage(markdown, { width, colours: reader.colours });
      if (io.out.isTTY && options.pager && reader.pager !== '') await showByPages(text, reader.pager);
      else await printLine(io.out, text.trimEnd());
    });
}

function found(pages: Readonly<Record<string, string>>, words: readonly string[]): string {
  const hits = search(pages, words);
  if (hits.length === 0) throw new ManualError(`no line of the manual has ${words.join(' and ')}`);
  let last = '';
  const lines = hits.flatMap(({ topic, heading, line }) => {
    const place = `${topic}: ${heading}`;
    const head = place === last ? [] : [...(last === '' ? [] : ['']), place];
    last = place;
    return [...head, `    ${line}`];
  });
  return lines.join('\n');
}

async function showByPages(text: string, pager: string): Promise<void> {
  const child = spawn(pager, { shell: true, stdio: ['pipe', 'inherit', 'inherit'] });
  // Whoever has read enough closes the pager before it has taken everything.
  child.stdin.on('error', () => undefined);
  child.stdin.end(text);
  await once(child, 'close');
}
