import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { parseInspectAddress } from '../../../src/cli/inspect/address.ts';
import { relayTo } from '../../../src/cli/inspect/relay.ts';
import { rowsOf } from '../../../src/cli/inspect/rows.ts';
import { startBro } from '../../support/bro.ts';
import { browserTest, untilSeen } from '../../support/browser.ts';
import { serveConversation } from '../../support/inspected.ts';
import { startInspectedHost } from '../../support/inspected-host.ts';

browserTest(
  'the page shows a Zeek being reached, its subscription, and the back-off with its countdown once it is killed',
  async (t, page, faults) => {
    const early = await startBro(t);
    await early.kill();
    const { look, stateDirectory } = await startInspectedHost(t, early.address);
    assert.equal((await stat(look)).mode & 0o777, 0o600);
    const { socketUrl } = parseInspectAddress(look) ?? assert.fail('no address');
    await page.goto(await serveConversation(t, relayTo(socketUrl, ''), { rows: rowsOf(stateDirectory) }));
    const lit = (state: string) => page.waitForSelector(`[data-state="bro-peer.${state}"].active`);
    await page.click('[data-actor^="peer:"]');
    await lit('link.backingOff');

    const bro = await startBro(t, { port: early.port });
    await lit('link.linked.peered');
    // Of a list only what is in sight is in the document: what is looked for is filtered out of the rest.
    const heard = async (filter: string, type: string) => {
      await page.fill('.bus input[type="search"]', filter);
      await page.waitForSelector(`.message .label:text-is("${type}")`);
    };
    await heard('peer.*.up', 'peer.up');
    const sql = "SELECT uid, username FROM users WHERE username = 'root'";
    const subscription = bro.subscribe(sql, { interval: 1 });
    await page.waitForSelector(`.subscriptions code:text-is("${sql}")`);
    await bro.untilRows(1, subscription);
    await untilSeen(
      page,
      '.subscriptions tbody td:last-child',
      (text) => Number(text) >= 1,
      'a count of rows',
    );
    await page.click('.open-rows');
    await page.waitForSelector('.latest-rows td:text-is("root")');
    // What is counted each second is shown on demand.
    await page.fill('.bus input[type="search"]', 'courier.>');
    await page.waitForSelector('.message', { state: 'detached' });
    await page.click('.chip:text-is("progress")');
    await heard('courier.>', 'courier.progress');
    await heard('peer.*.request', 'peer.request');
    await page.waitForSelector('.message .label:not(:text-is("peer.request"))', { state: 'detached' });

    await bro.kill();
    await lit('link.backingOff');
    await page.waitForSelector('.countdown:has-text("next attempt in")');
    await page.waitForSelector('.log .fact:has-text("disconnected")');
    assert.deepEqual(faults, []);
  },
);
