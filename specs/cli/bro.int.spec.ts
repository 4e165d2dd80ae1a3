import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { Command, CommanderError } from 'commander';
import { WEBSOCKET_PATH } from '../../src/broker/address.ts';
import { connectTcp } from '../../src/broker/tcp-connection.ts';
import { connectWebSocket } from '../../src/broker/websocket-connection.ts';
import { broCommand } from '../../src/cli/bro.ts';
import type { Column, Query, ResultRow } from '../../src/vocabulary/model.ts';
import { queryColumns } from '../../src/vocabulary/query-columns.ts';
import { surroundings } from '../support/cli-io.ts';
import { recordHandlers } from '../support/recorded-connection.ts';
import { sampleHost } from '../support/sample-host.ts';
import { connectHost, type Dial, type SpecHost, saidTo } from '../support/spec-host.ts';
import { certified, tlsFile } from '../support/tls-fixtures.ts';

const HOST = sampleHost({ id: 'h1', groups: ['servers'] });
const COLUMNS: readonly Column[] = [
  { name: 'pid', type: 'BIGINT' },
  { name: 'name', type: 'TEXT' },
];
const SQL = 'SELECT pid, name FROM processes';
const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');

interface Running {
  /** Resolves when the command is through; rejects with what it failed with. */
  readonly ended: Promise<unknown>;
  readonly port: number;
  readonly printed: () => string;
  readonly told: () => string;
  readonly interrupt: () => void;
}

/** Runs the command in this process. */
async function run(t: TestContext, args: readonly string[]): Promise<Running> {
  const stop = new AbortController();
  t.after(() => stop.abort());
  const around = surroundings({ interrupted: stop.signal });
  const program = new Command()
    .exitOverride()
    .configureOutput({ writeErr: (text) => around.io.err.write(text) })
    .addCommand(broCommand(around.io));
  for (const command of program.commands) command.exitOverride().copyInheritedSettings(program);
  const ended = program.parseAsync(['bro', '--listen', '127.0.0.1:0', ...args], { from: 'user' });
  let over = false;
  ended
    .catch(() => {})
    .finally(() => {
      over = true;
    });
  const listening = () => /127\.0\.0\.1:(\d+) for hosts|"port":(\d+)/.exec(around.complained());
  await until(t, () => over || listening() !== null);
  const [, inWords, inJson] = listening() ?? [];
  return {
    ended,
    port: Number(inWords ?? inJson ?? 0),
    printed: around.printed,
    told: around.complained,
    interrupt: () => stop.abort(),
  };
}

async function until(t: TestContext, holds: () => boolean): Promise<void> {
  await t.waitFor(() => assert(holds()), { interval: 5, timeout: 20_000 });
}

async function failure(running: Promise<Running>): Promise<CommanderError> {
  const error = await running
    .then(({ ended }) => ended)
    .then(
      () => undefined,
      (reason: unknown) => reason,
    );
  assert(error instanceof CommanderError, String(error));
  return error;
}

async function untilAsked(host: SpecHost, count: number): Promise<Query[]> {
  const queries = () =>
    saidTo(host).flatMap((request) =>
      request.type === 'subscribe' || request.type === 'execute' ? [request.query] : [],
    );
  await host.recorded.until(() => queries().length >= count);
  return queries();
}

function row(pid: string, name: string, more: Partial<ResultRow> = {}): ResultRow {
  return { change: 'ADDED', initial: false, unixTime: 1_795_500_000, columns: { pid, name }, ...more };
}

describe('bro-osquery bro', () => {
  test('prints each row as one line of JSON, numbers exact to 64 bits and bytes that are no text unharmed', async (t) => {
    const bro = await run(t, ['--subscribe', SQL, '--cookie', 'c1', '--count', '3']);
    const host = await connectHost(t, bro.port, 'zeek-osquery', HOST);
    const [query] = await untilAsked(host, 1);
    assert(query);
    await host.sendRows(query, COLUMNS, [
      row('-9223372036854775808', 'caf\udce9 "x"\n'),
      row('9223372036854775807', '', { change: 'REMOVED' }),
      row('0', 'numbered', { sequence: 7 }),
      row('1', 'one too many'),
    ]);
    await bro.ended;
    const time = '"time":"2026-11-24T00:00:00.000Z"';
    const from = '"host":"h1","event":"bro_osquery::row"';
    assert.deepEqual(bro.printed().split('\n'), [
      `{${time},${from},"update":"ADDED","cookie":"c1","columns":[{"name":"pid","type":"integer","value":-9223372036854775808},{"name":"name","type":"string","value":"caf\\udce9 \\"x\\"\\n"}]}`,
      `{${time},${from},"update":"REMOVED","cookie":"c1","columns":[{"name":"pid","type":"integer","value":9223372036854775807},{"name":"name","type":"string","value":""}]}`,
      `{${time},"host_time":"2026-11-24T06:00:00.000Z",${from},"update":"ADDED","cookie":"c1","sequence":7,"columns":[{"name":"pid","type":"integer","value":0},{"name":"name","type":"string","value":"numbered"}]}`,
      '',
    ]);
  });

  test('prints what happens as text, unsubscribes when interrupted, and disconnects', async (t) => {
    const bro = await run(t, ['--subscribe', SQL, '--interval', '3', '--update', 'ADDED']);
    const host = await connectHost(t, bro.port, 'zeek-osquery', HOST);
    const [query] = await untilAsked(host, 1);
    assert.deepEqual([query?.updateType, query?.event], ['ADDED', 'bro_osquery::row']);
    await host.send({
      topic: '/bro/osquery/host_announce',
      event: {
        name: 'osquery::hosts::host_error',
        args: [
          { type: 'string', value: 'h1' },
          { type: 'string', value: 'no such table: \u001b[31mx' },
        ],
      },
    });
    await until(t, () => bro.told().includes('reports (error)'));
    bro.interrupt();
    await bro.ended;
    assert.equal((await host.recorded.closing()).code, 'goodbye');
    assert.deepEqual(
      saidTo(host).map(({ type }) => type),
      ['declare', 'subscribe', 'unsubscribe'],
    );
    assert.deepEqual(
      bro
        .told()
        .replaceAll(/127\.0\.0\.1:\d+/g, 'ADDRESS')
        .split('\n'),
      [
        'listening on ADDRESS for hosts, vocabulary zeek-osquery',
        'Ctrl-C shuts down cleanly',
        'ADDRESS connected over plain TCP',
        'host h1 (in servers) announced itself from ADDRESS',
        `requested of h1 every 3 s, added rows: ${SQL} (event bro_osquery::row)`,
        'host h1 reports (error): no such table: \\x1b[31mx',
        `unsubscribed at h1: ${SQL}`,
        '',
      ],
    );
  });

  test('numbers the events of several queries and names their columns', async (t) => {
    const args = ['--subscribe', 'SELECT * FROM a', '--execute', 'SELECT count(*) FROM b'];
    const bro = await run(t, [...args, '--columns', 'x, y', '--columns', 'n,too,many', '--count', '2']);
    const host = await connectHost(t, bro.port, 'zeek-osquery', HOST);
    const [first, second] = await untilAsked(host, 2);
    assert(first && second);
    assert.deepEqual([first.event, second.event], ['bro_osquery::row_1', 'bro_osquery::row_2']);
    await host.sendRows(first, COLUMNS, [row('1', 'a')]);
    const counted = row('5', '', { change: 'SNAPSHOT', columns: { pid: '5' } });
    await host.sendRows(second, COLUMNS.slice(0, 1), [counted]);
    await bro.ended;
    assert.deepEqual(
      bro
        .printed()
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).columns),
      [
        [
          { name: 'x', type: 'integer', value: 1 },
          { name: 'y', type: 'string', value: 'a' },
        ],
        [{ type: 'integer', value: 5 }],
      ],
    );
    assert.match(bro.told(), /rows of SELECT count\(\*\) FROM b have 1 values, not the 3 that were named/);
  });

  test('names the columns of a row as its host does, unless they are named by hand', async (t) => {
    const args = ['--execute', 'SELECT * FROM a', '--execute', 'SELECT count(*) FROM b'];
    const bro = await run(t, [...args, '--columns', 'x,y', '--count', '2']);
    const host = await connectHost(t, bro.port, 'zeek-osquery', HOST);
    const [first, second] = await untilAsked(host, 2);
    assert(first && second);
    const counted: Column[] = [{ name: 'count(*)', type: 'BIGINT' }];
    for (const [query, columns] of [
      [first, COLUMNS],
      [second, counted],
    ] as const) {
      await host.send(queryColumns(query.responseTopic, HOST, query, columns));
    }
    await host.sendRows(first, COLUMNS, [row('1', 'a')]);
    await host.sendRows(second, counted, [row('', '', { change: 'SNAPSHOT', columns: { 'count(*)': '5' } })]);
    await bro.ended;
    const lines = bro.printed().trimEnd().split('\n');
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).columns.map(({ name }: { name: string }) => name)),
      [['x', 'y'], ['count(*)']],
    );
  });

  test('asks one host alone or a group, and has hosts join one', async (t) => {
    const bro = await run(t, ['--group', 'servers', '--execute', SQL, '--join', 'seen']);
    const member = await connectHost(t, bro.port, 'zeek-osquery', HOST);
    const other = sampleHost({ id: 'h2', groups: [], endpointId: '5ba5a5e5-0000-4000-8000-000000000002' });
    const outside = await connectHost(t, bro.port, 'zeek-osquery', other);
    await untilAsked(member, 1);
    await until(t, () => saidTo(outside).some(({ type }) => type === 'declare'));
    bro.interrupt();
    await bro.ended;
    assert.deepEqual(
      [member, outside].map((host) => saidTo(host).map(({ type }) => type)),
      [['declare', 'join', 'execute'], ['declare']],
    );
  });

  test('ends with 3 where the time is over before the rows have come', async (t) => {
    const { exitCode, message } = await failure(
      run(t, ['--subscribe', SQL, '--duration', '0.1', '--count', '2']),
    );
    assert.deepEqual([exitCode, message], [3, '0 of 2 rows arrived within 0.1 s']);
  });

  test('ends well when the time is over and no number of rows was asked for', async (t) => {
    const bro = await run(t, ['--duration', '0.05', '--json']);
    await bro.ended;
    const [line = ''] = bro.told().split('\n');
    assert.deepEqual(Object.keys(JSON.parse(line)), [
      'time',
      'type',
      'address',
      'port',
      'vocabulary',
      'endpointId',
    ]);
  });

  test('tells everything as JSON lines when asked to, rows apart', async (t) => {
    const bro = await run(t, ['--subscribe', SQL, '--count', '1', '--json', '--no-package']);
    const host = await connectHost(t, bro.port, 'zeek-osquery', HOST);
    const [query] = await untilAsked(host, 1);
    assert(query);
    await host.sendRows(query, COLUMNS, [row('1', 'init')]);
    await bro.ended;
    const types = bro
      .told()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).type);
    assert.deepEqual(types, [
      'listening',
      'connected',
      'announced',
      'requested',
      'unsubscribed',
      'disconnected',
    ]);
  });

  for (const [args, problem] of [
    [
      ['--vocabulary', 'bro-2017-01', '--subscribe', SQL, '--interval', '5'],
      /runs? subscriptions every 10 s/,
    ],
    [['--vocabulary', 'bro-2017-01', '--join', 'x'], /bro-2017-01 does not support joining groups/],
    [
      ['--vocabulary', 'zeek-agent-2', '--subscribe', SQL, '--update', 'REMOVED'],
      /does not support REMOVED rows/,
    ],
    [['--subscribe', SQL, '--no-initial-rows'], /can't leave out the first run's rows/],
    [['--host', 'a', '--group', 'b'], /cannot be used with option/],
    [['--interval', '0'], /not a whole number of at least 1/],
    [['--event', 'no name'], /not a valid name of a Zeek event/],
    [['--id', '00000000-0000-0000-0000-000000000000'], /not a UUID of version 1 to 5/],
    [['--listen', 'nats://127.0.0.1:1'], /It is an address of NATS; use --nats/],
    [['--websocket', 'a b'], /it contains whitespace/],
    [['--tls-ca', tlsFile('ca.pem')], /set certificate and key/],
    [['--tls-ca', tlsFile('ca.pem'), '--tls-certificate', '/nowhere', '--tls-key', '/nowhere'], /\/nowhere/],
    [['--columns', 'a'], /^error: --columns is given 1 times, but there are 0 queries/],
  ] as const) {
    test(`refuses ${args.join(' ')}`, async (t) => {
      const { exitCode, message } = await failure(run(t, args));
      assert.equal(exitCode, 1);
      assert.match(message, problem);
    });
  }

  test('says so when its address is taken', async (t) => {
    const server = createServer().listen(0, '127.0.0.1');
    t.after(() => server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const { exitCode, message } = await failure(run(t, ['--listen', `127.0.0.1:${port}`]));
    assert.equal(exitCode, 1);
    assert.match(message, new RegExp(`can't listen: .*EADDRINUSE.*127.0.0.1:${port}`));
  });

  test('wants and shows certificates when it has one', async (t) => {
    const files = ['--tls-ca', tlsFile('ca.pem'), '--tls-certificate', tlsFile('zeek.pem')];
    const bro = await run(t, [...files, '--tls-key', tlsFile('zeek.key'), '--tls-require-authentication']);
    const trusted = recordHandlers();
    const endpoint = { host: '127.0.0.1', port: bro.port, endpointId: HOST.endpointId, filter: ['/x'] };
    const connection = connectTcp({ ...endpoint, tls: certified('host') }, trusted.handlers);
    t.after(() => connection.destroy());
    assert.equal((await trusted.up()).authenticated, true);
    await until(t, () => bro.told().includes('connected over TLS, certificate verified'));
    const anonymous = recordHandlers();
    connectTcp(endpoint, anonymous.handlers);
    await anonymous.closing();
    await until(t, () => bro.told().includes('failed to connect'));
  });

  test('is reached over WebSocket, too, by hosts that learn no topics', async (t) => {
    const bro = await run(t, ['--websocket', '127.0.0.1:0', '--listen', '127.0.0.1:0', '--execute', SQL]);
    const port = Number(/ws:\/\/127\.0\.0\.1:(\d+)/.exec(bro.told())?.[1]);
    const dial: Dial = (filter, handlers) =>
      connectWebSocket(
        {
          host: '127.0.0.1',
          port,
          secure: false,
          path: WEBSOCKET_PATH,
          filter,
          applicationName: 'spec',
        },
        handlers,
      );
    const host = await connectHost(t, dial, 'zeek-osquery', HOST);
    const [query] = await untilAsked(host, 1);
    assert(query);
    await host.sendRows(query, COLUMNS, [row('9223372036854775807', 'caf\u00e9')]);
    await until(t, () => bro.printed().includes('9223372036854775807'));
    bro.interrupt();
    await bro.ended;
    assert.match(bro.told(), /connected over WebSocket\n/);
  });

  test('shuts down cleanly on SIGTERM, and when its output is closed', async (t) => {
    for (const end of ['SIGTERM', 'closed pipe'] as const) {
      const args = ['--import', 'tsx', MAIN, 'bro', '--listen', '127.0.0.1:0', '--json', '--subscribe', SQL];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
      t.after(() => child.kill('SIGKILL'));
      let told = '';
      child.stderr.on('data', (chunk) => {
        told += chunk;
      });
      const exit = new Promise((resolve) => child.once('exit', resolve));
      await until(t, () => told.includes('"port"'));
      const port = Number(/"port":(\d+)/.exec(told)?.[1]);
      const host = await connectHost(t, port, 'zeek-osquery', HOST);
      const [query] = await untilAsked(host, 1);
      assert(query);
      if (end === 'SIGTERM') child.kill('SIGTERM');
      else {
        child.stdout.destroy();
        await host.sendRows(query, COLUMNS, [row('1', 'a'), row('2', 'b')]);
      }
      assert.equal(await exit, 0, told);
      assert.equal((await host.recorded.closing()).code, 'goodbye');
      assert.equal(saidTo(host).at(-1)?.type, 'unsubscribe');
    }
  });
});
