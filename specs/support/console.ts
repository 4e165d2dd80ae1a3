import { randomUUID } from 'node:crypto';
import type { TestContext } from 'node:test';
import { Command, CommanderError } from 'commander';
import { parseEndpointAddress } from '../../src/broker/address.ts';
import type { BrokerAddress } from '../../src/broker/endpoint-connection.ts';
import { listenEndpoint } from '../../src/broker/endpoint-server.ts';
import type { TlsSettings } from '../../src/broker/tls.ts';
import type { Io } from '../../src/cli/io.ts';
import type { BroEvent } from '../../src/zeek-client/bro-event.ts';
import { Bro } from '../../src/zeek-client/bro-server.ts';
import { ConsoleDesk } from '../../src/zeek-client/console-desk.ts';
import { createDialect } from '../../src/zeek-client/dialects.ts';
import { surroundings } from './cli-io.ts';
import { eventually } from './eventually.ts';
import { simulate } from './simulated-fleet.ts';

export interface ConsoleZeek {
  /** Of hosts, and of consoles. */
  readonly hosts: string;
  readonly consoles: string;
  /** All that has happened at the Bro. */
  readonly news: readonly BroEvent[];
  readonly desk: ConsoleDesk;
  /** Has so many simulated hosts connect, with further words of `simulate`. */
  simulate(count: number, ...words: string[]): Promise<void>;
}

/** A stand-in of a Zeek that loads `osquery/console`, in this process. */
export async function startConsoleZeek(
  t: TestContext,
  { tls, allowQueries = true }: { readonly tls?: TlsSettings; readonly allowQueries?: boolean } = {},
): Promise<ConsoleZeek> {
  const endpointId = randomUUID();
  const news: BroEvent[] = [];
  const timers = new Set<NodeJS.Timeout>();
  const desk: ConsoleDesk = new ConsoleDesk({
    ...{ bro: () => bro, allowQueries, packageVersion: '1.2.0', now: Date.now, topicPrefix: '/bro/osquery' },
    after(milliseconds, callback) {
      timers.add(setTimeout(callback, milliseconds));
    },
  });
  const bro: Bro = await Bro.listen(
    {
      addresses: [parseEndpointAddress('broker://127.0.0.1:0', { listening: true }) as BrokerAddress],
      dialect: createDialect('zeek-osquery', { endpointId }),
      ...{ endpointId, packageVersion: '1.2.0' },
    },
    (event) => {
      news.push(event);
      desk.take(event);
    },
  );
  const scheme = tls ? 'wss' : 'ws';
  const consoles = await listenEndpoint(
    parseEndpointAddress(`${scheme}://127.0.0.1:0`, { listening: true }) as BrokerAddress,
    { endpointId, filter: desk.filter, version: '8.0.10', ...(tls && { tls }) },
    (connection) => desk.accept(connection),
  );
  const end = new AbortController();
  const fleets: Promise<unknown>[] = [];
  t.after(async () => {
    end.abort();
    await Promise.all(fleets);
    for (const timer of timers) clearTimeout(timer);
    await consoles.close();
    await bro.close();
  });
  const hosts = `broker://127.0.0.1:${bro.ports[0]}`;
  return {
    ...{ hosts, consoles: `${scheme}://127.0.0.1:${consoles.port}`, news, desk },
    async simulate(count, ...words) {
      const known = () => news.filter(({ type }) => type === 'details').length;
      const before = known();
      const args = ['--endpoint', hosts, '--hosts', String(count), '--rows-per-minute', '0'];
      fleets.push(simulate([...args, '--duration', '900', '--drain', '0.001', ...words], end.signal));
      await eventually(`${count} hosts are there`, () => known() - before >= count);
    },
  };
}

export interface Ran {
  readonly out: string;
  readonly err: string;
  readonly exitCode: number;
}

/** Runs a sub-command in this process until it ends. */
export async function runCommand(
  make: (io: Io) => Command,
  args: readonly string[],
  options: Parameters<typeof surroundings>[0] & { readonly onPrinted?: (text: string) => void } = {},
): Promise<Ran> {
  const { io, printed, complained } = surroundings(options);
  io.out.on('data', () => options.onPrinted?.(printed()));
  const program = new Command()
    .exitOverride()
    .configureOutput({ writeErr: (text) => io.err.write(text) })
    .addCommand(make({ ...io, now: Date.now, randomId: randomUUID, env: {} }));
  for (const command of program.commands) command.exitOverride().copyInheritedSettings(program);
  const exitCode = await program.parseAsync([...args], { from: 'user' }).then(
    () => 0,
    (error: unknown) => {
      if (error instanceof CommanderError) return error.exitCode;
      throw error;
    },
  );
  return { out: printed(), err: complained(), exitCode };
}
