import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import type { Account } from '../../src/delivery/accounting.ts';
import {
  accountErrors,
  batchLine,
  DeliveryWorld,
  FakeLink,
  type Life,
  logEntry,
  subscription,
  until,
} from '../support/delivery-world.ts';

let world: DeliveryWorld;
let life: Life;
beforeEach(async () => {
  world = await DeliveryWorld.create();
});
afterEach(async () => {
  assert.deepEqual(accountErrors(life.courier.accounts()), []);
  await life.courier.stop();
  await life.journal.close();
  await world.remove();
});

const rowsOf = (link: FakeLink) => link.received.map(({ name, n }) => `${name} ${n}`);
const account = (changes: Partial<Account>): Account => ({
  peer: 'a',
  name: 's1',
  taken: 0,
  refused: 0,
  sent: 0,
  resent: 0,
  confirmed: 0,
  dropped: 0,
  skipped: {},
  pending: 0,
  ...changes,
});

test('rows reach the Bro whose query has the name, in order, and are booked as confirmed', async () => {
  world.subscribe(subscription('a', 's1'), subscription('b', 's2'));
  life = await world.live();
  const [a, b] = [new FakeLink(), new FakeLink()];
  life.courier.attach('a', a);
  life.courier.attach('b', b);
  await life.courier.take(logEntry(batchLine('s1', { removed: ['1'], added: ['2', '3'] })));
  await life.courier.take(logEntry(batchLine('s2', { added: ['4'] })));
  await life.courier.take(logEntry(batchLine('pack_others_x', { added: ['5'] })));
  await life.courier.settled();
  assert.deepEqual(rowsOf(a), ['s1 1', 's1 2', 's1 3']);
  assert.deepEqual(
    a.received.map(({ change }) => change),
    ['REMOVED', 'ADDED', 'ADDED'],
  );
  assert.deepEqual(rowsOf(b), ['s2 4']);
  assert.deepEqual(life.courier.accounts(), [
    account({ taken: 3, sent: 3, confirmed: 3 }),
    account({ peer: 'b', name: 's2', taken: 1, sent: 1, confirmed: 1 }),
  ]);
});

test('what was not confirmed is sent again after a reconnect, under the same numbers', async () => {
  world.subscribe(subscription('a', 's1'));
  life = await world.live();
  const first = new FakeLink();
  first.confirms = 'when-told';
  life.courier.attach('a', first);
  await life.courier.take(logEntry(batchLine('s1', { added: ['1', '2'] })));
  await until(() => first.received.length === 2, 'the rows are sent');
  first.break();
  life.courier.detach('a', first);
  assert.deepEqual(life.courier.accounts(), [account({ taken: 2, sent: 2, pending: 2 })]);
  const second = new FakeLink();
  life.courier.attach('a', second);
  await life.courier.settled();
  assert.deepEqual(second.received, first.received);
  assert.deepEqual(life.courier.accounts(), [account({ taken: 2, sent: 2, resent: 2, confirmed: 2 })]);
});
