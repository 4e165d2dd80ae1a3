import { after, type TestContext, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { findChromium, launchBrowser } from './chromium.ts';

/** Milliseconds in which a page comes to show something, also on a machine that has much else to do. */
const PATIENCE = 60_000;

/** One browser for all tests of a process: starting one takes longer than most tests do. */
class SharedBrowser {
  #launched: Promise<Browser> | undefined;

  get(): Promise<Browser> {
    this.#launched ??= launchBrowser();
    return this.#launched;
  }

  async close(): Promise<void> {
    await (await this.#launched)?.close();
  }
}

const shared = new SharedBrowser();
after(() => shared.close());

/**
 * A test in a browser, with a profile of its own; skipped where there is none. `faults` are errors and refusals that
 * the page has met.
 */
export function browserTest(
  title: string,
  run: (t: TestContext, page: Page, faults: readonly string[]) => Promise<void>,
): void {
  const skip = findChromium() === undefined ? 'there is no Chromium' : false;
  test(title, { skip }, async (t) => {
    const browser = await shared.get();
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    t.after(() => page.context().close());
    page.setDefaultTimeout(PATIENCE);
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(message.text());
    });
    await run(t, page, faults);
  });
}

/** Looks until an element's text is this; asked from here, since a page with a strict policy evaluates no text. */
export async function untilText(
  page: Page,
  selector: string,
  expected: string,
  limit = PATIENCE,
): Promise<void> {
  await untilSeen(page, selector, (text) => text === expected, `"${expected}"`, limit);
}

/** Looks until an element's text is as wanted. */
export async function untilSeen(
  page: Page,
  selector: string,
  isWanted: (text: string) => boolean,
  what: string,
  limit = PATIENCE,
): Promise<void> {
  const end = Date.now() + limit;
  for (;;) {
    const text = (await page.locator(selector).first().textContent()) ?? '';
    if (isWanted(text)) return;
    if (Date.now() > end) throw new Error(`${selector} is "${text}", not ${what}, after ${limit} ms`);
    await page.waitForTimeout(30);
  }
}
