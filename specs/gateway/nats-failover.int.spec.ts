import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { startBro } from '../support/bro.ts';
import { eventually } from '../support/eventually.ts';
import { served, startGateway } from '../support/gateway.ts';
import { plainClient } from '../support/nats-fleet.ts';
import { noNatsServer, startNatsServer, type TestNatsServer } from '../support/nats-server.ts';
import { startProgram } from '../support/program.ts';
import { assertWhole, simulate } from '../support/simulated-fleet.ts';

const LOAD = ['--hosts', '12', '--rows-per-minute', '600', '--run-interval', '0.3', '--duration', '600'];
/** Most of a minute: not in each run. */
const heavy = process.env['CHAOS_ROUNDS'] === undefined && 'make chaos-gateway runs it';
const AT_NATS = ['--nats-jetstream', 'use', '--vocabulary', 'zeek-osquery'];

/** Every row has left the stream: the Zeek has confirmed it. */
async function isEmpty(t: TestContext, server: TestNatsServer): Promise<void> {
  const manager = await (await plainClient(t, server)).jetstreamManager();
  await eventually(
    'nothing is left in the stream',
    async () => (await manager.streams.info('OSQUERY')).state.messages === 0,
  );
}

describe('what dies at NATS', { skip: noNatsServer, concurrency: 2 }, () => {
  test('a gateway that comes is given half, one that ends hands its share over, and no row is lost', async (t) => {
    const server = await startNatsServer(t, { jetstream: true });
    const nats = { servers: server.url };
    const bro = await startBro(t, { packageVersion: '1.0.0' });
    bro.subscribe('SELECT pid, name FROM processes');
    const first = await startGateway(t, bro.address, { nats, name: 'first' });
    const enough = new AbortController();
    const running = simulate(['--endpoint', server.url, ...LOAD, ...AT_NATS], enough.signal);
    await eventually('all hosts are there', () => first.report().hosts === 12);
    const second = await startGateway(t, bro.address, { nats, name: 'second' });
    await eventually('they share', () => served(first.report()) === 8 && served(second.report()) === 8);
    await eventually('so are the hosts', () => first.report().hosts + second.report().hosts === 12);
    assert(second.report().hosts > 0);
    await first.drain();
    await eventually('the second has all', () => served(second.report()) === 16);
    await eventually('with all hosts', () => second.report().hosts === 12, 60_000);
    enough.abort();
    const { report, exitCode } = await running;
    assert.equal(exitCode, 0);
    await isEmpty(t, server);
    assertWhole(report, bro);
  });

  test('one that is killed is replaced, whatever else dies, and no row is lost', {
    skip: heavy,
  }, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'nats-failover-'));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    const server = await startNatsServer(t, { jetstream: true });
    const nats = { servers: server.url };
    const bro = await startBro(t, { packageVersion: '1.0.0' });
    bro.subscribe('SELECT pid, name FROM processes');
    const doomed = startProgram(t, [
      ...['gateway', '--zeek', bro.address, '--nats', server.url],
      ...['--name', 'doomed', '--state-dir', directory],
    ]);
    await eventually('it is there', () => doomed.text.includes('meets hosts'), 60_000);
    const enough = new AbortController();
    const running = simulate(['--endpoint', server.url, ...LOAD, ...AT_NATS], enough.signal);
    const goOn = async () => {
      const rows = bro.rows().length;
      await eventually('rows go on', () => bro.rows().length > rows + 24, 60_000);
    };
    await goOn();
    const heir = await startGateway(t, bro.address, { nats, name: 'heir' });
    await eventually('they share', () => served(heir.report()) === 8);
    doomed.kill('SIGKILL');
    const killedAt = Date.now();
    await eventually('the other has all', () => served(heir.report()) === 16);
    const seconds = (Date.now() - killedAt) / 1000;
    t.diagnostic(`replaced after ${seconds.toFixed(1)} s`);
    assert(seconds < 15, `replaced after ${seconds} s`);
    await eventually('with all hosts', () => heir.report().hosts === 12, 60_000);

    await server.kill();
    await server.restart();
    await goOn();

    const last = await startGateway(t, bro.address, { nats, name: 'last' });
    await eventually('they share', () => served(last.report()) === 8 && served(heir.report()) === 8);
    await heir.drain();
    await eventually('the last one has all', () => served(last.report()) === 16);
    await eventually('with all hosts', () => last.report().hosts === 12, 60_000);
    await goOn();
    enough.abort();
    const { report, exitCode } = await running;
    assert.equal(exitCode, 0);
    await isEmpty(t, server);
    assertWhole(report, bro);
  });

  test('rows that no Zeek has confirmed are given to the next one', { skip: heavy }, async (t) => {
    const server = await startNatsServer(t, { jetstream: true });
    const bro = await startBro(t, { packageVersion: '1.0.0' });
    bro.subscribe('SELECT pid, name FROM processes');
    const gateway = await startGateway(t, bro.address, { nats: { servers: server.url } });
    const enough = new AbortController();
    const running = simulate(['--endpoint', server.url, ...LOAD, ...AT_NATS], enough.signal);
    await eventually('rows come', () => bro.rows().length > 24);
    await bro.kill();
    const next = await startBro(t, { packageVersion: '1.0.0', port: bro.port, endpointId: bro.endpointId });
    next.subscribe('SELECT pid, name FROM processes');
    await eventually('rows come again', () => next.rows().length > 24, 60_000);
    enough.abort();
    const { report, exitCode } = await running;
    assert.equal(exitCode, 0);
    await eventually(
      'all is settled',
      () => gateway.report().nats?.under_way === 0 && next.rows().length > 0,
    );
    await eventually('nothing is left in the stream', async () => {
      const manager = await (await plainClient(t, server)).jetstreamManager();
      return (await manager.streams.info('OSQUERY')).state.messages === 0;
    });
    assertWhole(report, bro, next);
  });
});
