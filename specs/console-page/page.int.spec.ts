import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { consoleCommand } from '../../src/cli/console.ts';
import type { Item, ItemKind } from '../../src/console/model.ts';
import { violations } from '../support/axe.ts';
import { browserTest, untilSeen, untilText } from '../support/browser.ts';
import { runCommand, startConsoleZeek } from '../support/console.ts';
import { fakeHost, serveConsole } from '../support/console-page.ts';
import { eventually } from '../support/eventually.ts';

const MARKUP = '<img src=x onerror="document.title=1"><b>bold</b>';
type Said = Partial<Item> & { readonly kind: ItemKind };

function rowsOf(host: string, values: readonly object[]): readonly Said[] {
  return values.map((value, at) => ({ kind: 'row', host, number: at + 1, text: JSON.stringify(value) }));
}

browserTest(
  'the hosts of a Zeek answer what is written in the editor, over the real way',
  async (t, page, faults) => {
    const zeek = await startConsoleZeek(t);
    await zeek.simulate(3, '--ignore-queries', '1');
    const end = new AbortController();
    let printed = '';
    const running = runCommand(consoleCommand, ['console', '--zeek', zeek.consoles, '--allow-queries'], {
      interrupted: end.signal,
      onPrinted: (text) => {
        printed = text;
      },
    });
    await eventually('the address is printed', () => printed.includes('#token='));
    await page.goto(printed.trim());
    await untilText(page, '#hosts output', '3, 3 connected');
    await page.fill('input[name="where"]', 'id > "sim-0"');
    await page.click('.run');
    await untilSeen(
      page,
      '#query .counts',
      (text) => text.includes('2 answered, 1 silent, 10 rows'),
      'the account',
    );
    await untilText(page, '#result-count', '10');
    assert.notEqual(await page.locator('#query progress').getAttribute('value'), '1');
    await page.click('.stop');
    await untilSeen(
      page,
      '#query .reasons',
      (text) => text.includes('sim-1.example.com: no answer'),
      'who is silent',
    );
    await page.click('text=sim-2.example.com >> nth=0');
    await untilSeen(page, '#host', (text) => text.includes('an invented system'), 'the host');
    const stranger = await page.context().browser()?.newPage();
    await stranger?.goto(`${new URL(page.url()).origin}/#token=wrong`);
    await stranger?.waitForSelector('.badge.refused');
    await stranger?.close();
    end.abort();
    assert.equal((await running).exitCode, 0);
    assert.deepEqual(faults, []);
  },
);

browserTest(
  'rows are filtered, sorted, drawn and saved, and nothing that a host says is markup',
  async (t, page, faults) => {
    const hosts = [fakeHost(1, { name: MARKUP, os: MARKUP, groups: [MARKUP] }), fakeHost(2)];
    const { address, asked } = await serveConsole(t, {
      hosts,
      warnings: [MARKUP],
      answer: (sql) =>
        sql.includes('osquery_registry')
          ? [
              ...rowsOf('host-1', [{ name: 'processes', columns: 'pid name path' }]),
              { kind: 'done', host: 'host-1', number: 1 },
            ]
          : [
              { kind: 'asked', host: 'host-1', text: MARKUP },
              { kind: 'asked', host: 'host-2', text: 'web-2' },
              { kind: 'all-asked' },
              ...rowsOf('host-1', [
                { name: MARKUP, size: 10 },
                { name: '=cmd()', size: 9 },
              ]),
              { kind: 'done', host: 'host-1', number: 2 },
              { kind: 'failed', host: 'host-2', text: MARKUP },
            ],
    });
    await page.goto(address);
    await untilText(page, '#hosts output', '2, 2 connected');
    await eventually('the tables are asked for', () => asked.length === 1);
    await page.click('#editor');
    await page.keyboard.press('Control+a');
    await page.keyboard.press('Delete');
    await page.keyboard.type('SELECT name FROM proc');
    await page.waitForSelector('#editor .cm-tooltip-autocomplete:has-text("processes")');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+Enter');
    await untilText(page, '#result-count', '2');
    assert.equal(asked.at(-1), 'SELECT name FROM proc');
    await untilSeen(page, '#query .reasons', (text) => text.startsWith('web-2: <img'), 'the reason');
    await page.click('#results .heads button:has-text("size")');
    await untilSeen(page, '#results .row', (text) => text.includes('=cmd()'), 'the smaller first');
    await page.selectOption('#results select', 'name');
    await page.waitForSelector('#results svg rect');
    await page.fill('#results input', 'CMD');
    await untilText(page, '#result-count', '1 of 2');
    const download = page.waitForEvent('download');
    await page.click('#results button:has-text("CSV")');
    const saved = await readFile(await (await download).path(), 'utf8');
    assert.match(saved, /^host,hostname,name,size\r\nhost-1,"<img .*",'=cmd\(\),9\r\n$/);
    await page.click('#hosts .row >> nth=0');
    await untilSeen(page, '#host', (text) => text.includes('Last warnings'), 'the host');
    await page.waitForSelector('.history button:has-text("SELECT name FROM proc")', { state: 'attached' });
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      assert.deepEqual(await violations(page), [], colorScheme);
    }
    assert.equal(await page.locator('img, b').count(), 0);
    assert.notEqual(await page.title(), '1');
    assert.deepEqual(faults, []);
  },
);

browserTest(
  'ten thousand hosts are a list of which only what is in sight is there; read-only asks nothing',
  async (t, page, faults) => {
    const hosts = Array.from({ length: 10_000 }, (_, at) => fakeHost(at, { connected: at % 10 > 0 }));
    const { address, asked } = await serveConsole(t, { hosts }, false);
    await page.goto(address);
    await untilText(page, '#hosts output', '10000, 9000 connected');
    assert(await page.locator('.run').isDisabled());
    await untilSeen(page, '#query .counts', (text) => text.startsWith('Read-only'), 'why');
    assert((await page.locator('#hosts .row').count()) < 100);
    await page.locator('#hosts .list').evaluate((list) => list.scrollTo(0, list.scrollHeight));
    await page.waitForSelector('#hosts .row:has-text("web-9999.example.com")');
    await page.fill('#hosts input', 'web-1234 gone');
    await untilText(page, '#hosts output', '0 of 10000, 0 connected');
    await page.fill('#hosts input', 'web-1230 gone');
    await untilText(page, '#hosts output', '1 of 10000, 0 connected');
    assert.deepEqual([asked, faults], [[], []]);
  },
);
