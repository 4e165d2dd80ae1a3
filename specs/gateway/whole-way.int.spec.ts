import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReceivedRow } from '../../src/zeek-client/model.ts';
import { startBro } from '../support/bro.ts';
import { eventually } from '../support/eventually.ts';
import { startGateway } from '../support/gateway.ts';
import { place } from '../support/place.ts';

/** A stand-in osqueryd and the extension as real processes, gateways and a Zeek's stand-in in this one. */

const TIME = 'SELECT unix_time FROM time';

/** Rows that come again apart, each has a higher number than the one before. */
function assertAscending(rows: readonly ReceivedRow[]): void {
  const numbers = [...new Set(rows.map(({ sequence }) => Number(sequence)))];
  assert(numbers.length > 2);
  assert.deepEqual(
    numbers,
    [...numbers].sort((a, b) => a - b),
  );
}

test('the extension needs no change but the address: requests and rows pass a gateway, errors come back', async (t) => {
  const bro = await startBro(t, { packageVersion: '1.0.0' });
  const gateway = await startGateway(t, bro.address);
  const { startExtension } = await place(t, {
    bro_endpoint: gateway.address,
    uid: 'h1',
    groups: ['servers'],
  });
  startExtension();
  await bro.announced('h1');
  const query = bro.subscribe(TIME, { interval: 1, target: { to: 'group', group: 'servers' } });
  const rows = await bro.untilRows(3, query);
  assertAscending(rows);
  bro.subscribe('SELECT nothing FROM nowhere', { interval: 1 });
  await bro.until('notice', ({ text }) => text.includes('nowhere'));
  assert.equal(gateway.report().counts.refused, 0);
});

test('when its gateway is gone the extension goes another way to the Zeek, and rows go on in their order', async (t) => {
  const bro = await startBro(t, { packageVersion: '1.0.0' });
  const first = await startGateway(t, bro.address);
  const second = await startGateway(t, bro.address);
  const config = { bro_endpoint: first.address, bro_alternatives: [second.address], uid: 'h1' };
  const { startExtension } = await place(t, config);
  startExtension();
  await bro.announced('h1');
  const query = bro.subscribe(TIME, { interval: 1, updateType: 'SNAPSHOT' });
  await bro.untilRows(2, query);
  assert.equal(first.report().hosts, 1);
  await first.drain();
  await eventually('it comes by the other', () => second.report().hosts === 1);
  const before = bro.rows(query).length;
  await bro.untilHolds(() => bro.rows(query).length > before + 2, 'rows go on');
  assertAscending(bro.rows(query));
  assert.deepEqual(bro.of('gap'), []);
});
