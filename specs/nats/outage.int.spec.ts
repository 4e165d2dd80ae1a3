import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { Timings } from '../../src/broker/connection.ts';
import {
  addKeepingStream,
  connectPlainHost,
  idsInStream,
  numberedRow,
  plainClient,
  rowsOfIds,
  sequenceIn,
  startPlainBro,
} from '../support/nats-fleet.ts';
import { noNatsServer, startNatsServer } from '../support/nats-server.ts';
import { startProxy } from '../support/proxy.ts';
import type { Recorded } from '../support/recorded-connection.ts';

const QUICK: Partial<Timings> = {
  connect: 2_000,
  handshake: 2_000,
  idle: 300,
  suspect: 200,
  unresponsive: 500,
};
const BATCH = 20;

/** A host as the courier and the peer's machine make it: sends on from what is confirmed, and always comes back. */
function sender(t: TestContext, port: number, jetstream: 'off' | 'create', total: number) {
  const closings: string[] = [];
  let cursor = 0;
  let lives = 0;
  const settings = { prefix: 'osquery', jetstream };
  const finished = (async () => {
    while (cursor < total) {
      const link = connectPlainHost(t, port, { settings, timings: QUICK });
      lives += 1;
      try {
        await link.up();
        while (cursor < total) {
          const rows = Array.from({ length: Math.min(BATCH, total - cursor) }, (_, n) =>
            numberedRow(cursor + n),
          );
          await link.connection.send('/t/host/h1', rows);
          await link.connection.confirm();
          cursor += rows.length;
        }
      } catch {
        await link.closing();
        closings.push(link.closed?.code ?? '');
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      link.connection.destroy();
    }
  })();
  return {
    finished,
    closings,
    get cursor() {
      return cursor;
    },
    get lives() {
      return lives;
    },
  };
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`${what} did not happen`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function heard(links: readonly Recorded[]): number[] {
  return links.flatMap(({ events }) => events.map(({ event }) => sequenceIn(event)));
}

describe('outages', { skip: noNatsServer, concurrency: 4 }, () => {
  test('a recreated stream, whose rows count from one again, delivers each of them', async (t) => {
    const server = await startNatsServer(t, { jetstream: true });
    const settings = { prefix: 'osquery', jetstream: 'create' } as const;
    const { links } = await startPlainBro(t, server, settings);
    const manager = await (await plainClient(t, server)).jetstreamManager();
    for (const from of [0, 5]) {
      const host = connectPlainHost(t, server.port, { settings });
      await host.up();
      const rows = Array.from({ length: 5 }, (_, n) => numberedRow(from + n));
      await host.connection.send('/t/host/h1', rows);
      await host.connection.confirm();
      await until(() => heard(links).length === from + 5, `the arrival of rows from ${from} on`);
      host.connection.destroy();
      await manager.streams.delete('OSQUERY');
    }
    assert.deepEqual(
      heard(links),
      Array.from({ length: 10 }, (_, n) => n),
    );
  });

  for (const jetstream of ['off', 'create'] as const) {
    test(`a server killed -9 and restarted in mid-flow loses nothing (jetstream: ${jetstream})`, async (t) => {
      const server = await startNatsServer(t, { jetstream: jetstream !== 'off' });
      if (jetstream === 'create')
        await addKeepingStream(await (await plainClient(t, server)).jetstreamManager());
      const { links } = await startPlainBro(t, server, { jetstream });
      const total = 3_000;
      const host = sender(t, server.port, jetstream, total);
      for (const part of [1, 2]) {
        await until(() => host.cursor > (part * total) / 4, 'rows');
        await server.kill();
        await server.restart();
      }
      await host.finished;
      await until(() => new Set(heard(links)).size === total, 'the arrival of all rows');
      assert(host.lives >= 3);
      if (jetstream === 'create') {
        assert.equal(heard(links).length, total, 'the Bro has each row once');
        const manager = await (await plainClient(t, server)).jetstreamManager();
        const ids = await idsInStream(manager, 'OSQUERY');
        assert.deepEqual(
          rowsOfIds(ids),
          Array.from({ length: total }, (_, n) => n),
          'nothing twice in the stream, and all in order',
        );
      }
    });

    test(`a host cut off for a while loses nothing (jetstream: ${jetstream})`, async (t) => {
      const server = await startNatsServer(t, { jetstream: jetstream !== 'off' });
      if (jetstream === 'create')
        await addKeepingStream(await (await plainClient(t, server)).jetstreamManager());
      const { links } = await startPlainBro(t, server, { jetstream });
      const proxy = await startProxy(server.port);
      t.after(() => proxy.close());
      const total = 1_000;
      const host = sender(t, proxy.port, jetstream, total);
      await until(() => host.cursor > total / 4, 'rows');
      proxy.mode = 'silent';
      await until(() => host.closings.length >= 2, 'the discovery that nothing comes through');
      proxy.mode = 'forward';
      await host.finished;
      await until(() => new Set(heard(links)).size === total, 'the arrival of all rows');
      assert.equal(host.closings[0], 'unresponsive');
      if (jetstream === 'create') {
        const manager = await (await plainClient(t, server)).jetstreamManager();
        const ids = await idsInStream(manager, 'OSQUERY');
        assert.equal(rowsOfIds(ids).length, total, 'nothing twice in the stream');
      }
    });
  }

  test('a Bro that was away finds in the stream what it has not read, and nothing that it has', async (t) => {
    const server = await startNatsServer(t, { jetstream: true });
    const settings = { prefix: 'osquery', jetstream: 'create' as const };
    const first = await startPlainBro(t, server, settings, 'bro-1');
    const host = connectPlainHost(t, server.port, { settings });
    await host.up();
    await host.connection.send('/t/host/h1', [numberedRow(1), numberedRow(2)]);
    await host.connection.confirm();
    await until(() => heard(first.links).length === 2, 'two rows');
    await first.close();
    assert.equal((await host.closing()).code, 'goodbye');
    const client = await plainClient(t, server);
    const { headers } = await import('nats');
    const header = headers();
    header.set('Osquery-Host', 'h1');
    const { encodeEvent } = await import('../../src/nats/message.ts');
    await client
      .jetstream()
      .publish('osquery.rows.h1', encodeEvent('/t/host/h1', numberedRow(3)), { headers: header });
    const second = await startPlainBro(t, server, settings, 'bro-2');
    await until(() => heard(second.links).length > 0, 'the row of the time between');
    assert.deepEqual(heard(second.links), [3]);
  });

  test('a restarted Bro is another incarnation to its hosts, at once', async (t) => {
    const server = await startNatsServer(t);
    const first = await startPlainBro(t, server, {}, 'bro-1');
    const host = connectPlainHost(t, server.port);
    assert.equal((await host.up()).incarnation, 'bro-1');
    await first.close();
    assert.deepEqual(await host.closing(), {
      code: 'goodbye',
      message: `the Zeek at ${server.url} disconnected (clean shutdown)`,
      refused: false,
    });
    const again = connectPlainHost(t, server.port);
    await again.until(({ phases }) => phases.includes('handshaking'));
    await startPlainBro(t, server, {}, 'bro-2');
    assert.equal((await again.up()).incarnation, 'bro-2');
  });

  test('a Bro that vanished is missed when rows are to be confirmed, and when nothing is sent', async (t) => {
    const server = await startNatsServer(t);
    const proxy = await startProxy(server.port);
    t.after(() => proxy.close());
    const bro = await startPlainBro(t, { ...server, port: proxy.port }, {}, 'bro-1');
    const busy = connectPlainHost(t, server.port);
    const quiet = connectPlainHost(t, server.port, { hostId: 'h2', timings: QUICK });
    await busy.up();
    await quiet.up();
    // Its machine disconnected: the server learns of it when the connection breaks.
    await proxy.close();
    await assert.rejects(async () => {
      for (;;) {
        await busy.connection.send('/t/host/h1', [numberedRow(1)]);
        await busy.connection.confirm();
      }
    });
    assert.equal((await busy.closing()).message, `Zeek bro-1 is no longer connected to ${server.url}`);
    assert.equal((await quiet.closing()).code, 'reset');
    await bro.close();
  });

  test('the hosts of a Bro that was cut off reconnect', async (t) => {
    const server = await startNatsServer(t);
    const bro = await startPlainBro(t, server, {}, 'bro-1');
    const client = await plainClient(t, server);
    const host = connectPlainHost(t, server.port);
    await host.up();
    const [link] = bro.links;
    link?.connection.destroy();
    // What a Bro says when it is back after a cut: the same id, another session.
    client.publish(
      'osquery.bro',
      JSON.stringify({ type: 'bro', id: 'bro-1', version: '', filter: [], confirms: true, session: 2 }),
    );
    assert.equal((await host.closing()).message, `the Zeek at ${server.url} no longer knows this host`);
  });

  test('a server that is about to stop is disconnected (clean shutdown)', async (t) => {
    const server = await startNatsServer(t, {
      config: 'lame_duck_duration: "30s", lame_duck_grace_period: "1s"',
    });
    await startPlainBro(t, server);
    const host = connectPlainHost(t, server.port);
    await host.up();
    server.lameDuck();
    assert.equal((await host.closing()).code, 'goodbye');
    assert.deepEqual(host.problems, [
      `${server.url}: the server is about to stop (lame duck mode): reconnecting`,
    ]);
  });
});
