import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Clock } from '../../src/sandbox/osqueryd/clock.ts';
import { Flags } from '../../src/sandbox/osqueryd/flags.ts';
import { Osqueryd } from '../../src/sandbox/osqueryd/osqueryd.ts';
import { success } from '../../src/sandbox/osqueryd/thrift/messages.ts';
import { OsqueryProbe, type ProbeOptions } from './osquery-probe.ts';
import { VirtualClock } from './virtual-clock.ts';

export interface Standin {
  readonly osqueryd: Osqueryd;
  readonly clock: VirtualClock;
  /** The manager's socket. */
  readonly socket: string;
  readonly directory: string;
  /** Lines of osqueryd's log, without glog's head: `scheduler.cpp:120] …`. */
  readonly log: string[];
}

export interface StandinOptions {
  readonly now?: number;
  readonly random?: () => number;
  readonly directory?: string;
}

/** A folder that is gone after the test. */
export function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'osqueryd-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A stand-in osqueryd in this process, on a virtual clock. Its `start` is the spec's business. */
export function standin(t: TestContext, flags: readonly string[], options: StandinOptions = {}): Standin {
  const directory = options.directory ?? temporaryDirectory(t);
  const socket = join(directory, 'osq.em');
  const clock = new VirtualClock(options.now ?? 1_795_496_600_000);
  const log: string[] = [];
  const osqueryd = newOsqueryd(
    ['--ephemeral', '--extensions_autoload=/nonexistent', `--extensions_socket=${socket}`, ...flags],
    clock,
    log,
    options.random,
  );
  t.after(async () => {
    osqueryd.stop();
    await passing(clock, osqueryd.ended);
  });
  return { osqueryd, clock, socket, directory, log };
}

/** Lets seconds pass until the promise has settled. */
export async function passing<T>(clock: VirtualClock, promise: Promise<T>, stepMs = 1000): Promise<T> {
  let settled = false;
  const done = () => {
    settled = true;
  };
  promise.then(done, done);
  for (let steps = 0; !settled; steps += 1) {
    if (steps > 1000) throw new Error('nothing came of waiting a thousand steps');
    await clock.advance(stepMs);
  }
  return await promise;
}

/** A stand-in that has started and a probe that is its logger, both on the virtual clock. */
export async function standinWithProbe(
  t: TestContext,
  flags: readonly string[] = [],
  answer: ProbeOptions['answer'] = () => ({ status: success(), response: [] }),
  options: StandinOptions = {},
): Promise<Standin & { readonly probe: OsqueryProbe }> {
  const base = ['--config_plugin=update', '--extensions_require=probe', '--logger_plugin=probe'];
  const running = standin(t, [...base, ...flags], options);
  const { clock, osqueryd, socket } = running;
  const probe = newProbe(t, running, answer);
  void osqueryd.start();
  await clock.quiet();
  await probe.register({ logger: { probe: [] } });
  await clock.advance(100);
  return { ...running, socket, probe };
}

/** A probe that is gone after the test. */
export function newProbe(
  t: TestContext,
  { clock, socket }: Standin,
  answer?: ProbeOptions['answer'],
): OsqueryProbe {
  const touch = () => clock.touch();
  const probe = new OsqueryProbe({ manager: socket, touch, ...(answer ? { answer } : {}) });
  t.after(() => probe.die());
  return probe;
}

export function newOsqueryd(
  flags: readonly string[],
  clock: Clock,
  log: string[],
  random: () => number = Math.random,
): Osqueryd {
  return new Osqueryd({
    clock,
    flags: Flags.parse(flags, () => ''),
    pid: process.pid,
    random,
    randomUuid: () => '00000000-0000-4000-8000-000000000000',
    hostName: 'vm',
    stderr: (text) => log.push(text.replace(/^[IWE]\d{4} \S+ +\d+ /, '').trimEnd()),
    stdout: () => undefined,
  });
}
