import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { manualPages } from '../../src/cli/manual/pages.ts';
import { search } from '../../src/cli/manual/search.ts';
import { sectionsOf } from '../../src/cli/manual/sections.ts';
import { layOutTable, widthOf } from '../../src/cli/manual/table-layout.ts';
import { renderPage } from '../../src/cli/manual/terminal.ts';
import { TOPICS } from '../../src/cli/manual/topics.ts';
import { manualCommand, type Reader } from '../../src/cli/manual.ts';
import { surroundings } from '../support/cli-io.ts';

const PLAIN: Reader = { columns: 80, pager: '', colours: false };

async function manual(words: readonly string[], reader = PLAIN, terminal = false): Promise<string> {
  const { io, printed } = surroundings({ terminal });
  await manualCommand(io, reader).parseAsync(words, { from: 'user' });
  return printed();
}

test('without a topic, it lists every page', async () => {
  const list = await manual([]);
  for (const topic of TOPICS) assert.match(list, new RegExp(`^\`${topic}\``, 'm'));
});

test('a topic is a page, a heading, or a link as it stands in a page', async () => {
  assert.match(await manual(['operate']), /^OPERATE\n/);
  const codes = await manual(['exit-codes']);
  assert.match(codes, /^Exit codes\n/);
  assert.doesNotMatch(codes, /Sizing/);
  assert.equal(await manual(['operate.md#exit-codes']), codes);
  assert.equal(await manual(['Exit codes']), codes);
});

test('an unknown topic is an error that names what was meant', async () => {
  await assert.rejects(manual(['operat']), {
    name: 'ManualError',
    message: `the manual has no page or heading 'operat'. Did you mean operate? Its pages: ${TOPICS.join(', ')}`,
  });
});

test('a search tells page, heading and line of each place, and fails where there is none', async () => {
  const found = await manual(['--search', 'ECONNREFUSED', 'firewall']);
  assert.match(found, /^troubleshoot: Troubleshoot\n {4}`connect-failed … ECONNREFUSED`/m);
  await assert.rejects(manual(['--search', 'no-such-word']), { name: 'ManualError' });
});

test('a search finds words in any case, in code as well, under the heading above them', () => {
  const pages = {
    one: '# Top\n\nnothing\n\n## Below `x`\n\n```sh\n# Not a heading\nrun **THIS**\n```\n\n| this | *that* |\n',
  };
  assert.deepEqual(search(pages, ['this']), [
    { topic: 'one', heading: 'Below `x`', line: 'run **THIS**' },
    { topic: 'one', heading: 'Below `x`', line: 'this — that' },
  ]);
});

test('no line of prose or table is wider than the terminal, whatever its width', async () => {
  for (const [topic, markdown] of Object.entries(await manualPages())) {
    const code = new Set(
      [...markdown.matchAll(/```.*\n([\s\S]*?)```/g)].flatMap(([, text = '']) => text.split('\n')),
    );
    for (const width of [40, 60, 80, 100]) {
      const lines = renderPage(markdown, { width, colours: false }).split('\n');
      const tooWide = lines
        .filter((line) => widthOf(line) > width)
        // Commands and transcripts stay as they are, and a word that has no blank can't be broken.
        .filter((line) => !code.has(line.slice(4)) && !line.split(/ +/).some((word) => widthOf(word) >= 20));
      assert.deepEqual(tooWide, [], `${topic} at ${width}`);
    }
  }
});

test('colours change nothing but colours: the words are the same', async () => {
  for (const markdown of Object.values(await manualPages())) {
    const words = (colours: boolean) =>
      stripVTControlCharacters(renderPage(markdown, { width: 1_000, colours })).replaceAll(/[`\s]+/g, '');
    assert.equal(words(true), words(false));
  }
});

test('every word of a page is shown', () => {
  const markdown = '# T\n\nA **b** *c* `d|e` [f](g.md) [h](https://i.example) & "l".\n\n1. m\n2. n\n   - o\n';
  const shown = renderPage(markdown, { width: 80, colours: false });
  assert.equal(shown, 'T\n\nA b c `d|e` f h (https://i.example) & "l".\n\n1. m\n2. n\n   - o\n\n');
});

test('a table is set side by side where it fits, wrapped in its widest column, else row by row', () => {
  const table = { head: ['key', 'meaning'], rows: [['a', 'one two three four five six seven eight']] };
  assert.deepEqual(layOutTable(table, 60), ['key  meaning', 'a    one two three four five six seven eight']);
  assert.deepEqual(layOutTable(table, 30), [
    'key  meaning',
    'a    one two three four five',
    '     six seven eight',
  ]);
  assert.deepEqual(layOutTable(table, 20), [
    'a',
    '    one two three',
    '    four five six',
    '    seven eight',
  ]);
  const three = { head: ['key', 'type', 'meaning'], rows: [['a', 'x', 'one two three four five six']] };
  assert.deepEqual(layOutTable(three, 24), [
    'a',
    '    type     x',
    '    meaning  one two',
    '             three four',
    '             five six',
  ]);
});

test('sections hold what is below them, down to the next heading of their rank', () => {
  const sections = sectionsOf('# A\n\nB\n\n## C d\n\nE\n\n### F\n\nG\n\n## H\n');
  assert.deepEqual(
    sections.map(({ anchor, title, markdown }) => [anchor, title, markdown]),
    [
      ['c-d', 'C d', '## C d\n\nE\n\n### F\n\nG\n\n'],
      ['f', 'F', '### F\n\nG\n\n'],
      ['h', 'H', '## H\n'],
    ],
  );
});

test('a terminal that does not know its width gets the usual one', async () => {
  assert.equal(
    await manual(['tls'], { ...PLAIN, columns: 0 }),
    await manual(['tls'], { ...PLAIN, columns: 100 }),
  );
});

test('on a terminal it goes through the pager', async () => {
  const { io, printed } = surroundings({ terminal: true });
  const reader = { ...PLAIN, pager: 'cat >/dev/null' };
  await manualCommand({ ...io, out: Object.assign(io.out, { isTTY: true }) }, reader).parseAsync(['tls'], {
    from: 'user',
  });
  assert.equal(printed(), '');
  await manualCommand(io, reader).parseAsync(['tls', '--no-pager'], { from: 'user' });
  assert.match(printed(), /^TLS/);
});
