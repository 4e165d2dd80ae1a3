import { test } from 'node:test';
import { startBro } from '../support/bro.ts';
import { HostProcesses } from '../support/host-processes.ts';

test('a row that no message can hold is told to its Zeek, and the rows beside it come', async (t) => {
  const bro = await startBro(t);
  const limits = { frame_bytes: 65_536 };
  const host = await HostProcesses.create({ bro: { bro_endpoint: bro.address, uid: 'h1', limits } });
  t.after(() => host.close());
  await host.startOsqueryd();
  host.startExtension();
  const small = bro.subscribe('SELECT unix_time FROM time', { interval: 1, updateType: 'ADDED' });
  bro.subscribe('SELECT unix_time, hex(zeroblob(100000)) AS large FROM time', { interval: 1 });
  await bro.until('notice', ({ text }) => text.includes('larger than one message'), 60_000);
  await bro.untilRows(bro.rows(small).length + 2, small);
  await host.untilReported('it is booked as skipped', ({ delivery }) =>
    delivery.some(({ skipped }) => (skipped['unsendable'] ?? 0) > 0),
  );
});
