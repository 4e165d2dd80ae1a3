import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BroProcess, DemoProcesses } from '../demo/demo-processes.ts';
import { findOsqueryd } from '../demo/programs.ts';
import { LINK_TIMING } from '../extension/wiring/timing.ts';
import { type Io, printLine } from '../io.ts';
import { type InspectAddress, parseInspectAddress } from './address.ts';

/** What the Zeek of the sandbox wants, so that there is something to see. */
const WANTED = ['SELECT pid, name, path, uid FROM processes', 'SELECT uid, username FROM users'];
const ONCE = 'SELECT name, version, platform FROM os_version';

/**
 * Milliseconds that a Zeek stays away, and that it is there: long enough for its former failures to be forgiven, else
 * each absence would be longer than the one before.
 */
const AWAY = 8_000;
const THERE = LINK_TIMING.healthyAfter + 15_000;

/** Where the sandbox's extension is found. */
export interface SandboxPlaces {
  /** The Unix socket of its inspection. */
  readonly look: InspectAddress;
  readonly stateDirectory: string;
}

/**
 * Runs osqueryd (the one on this machine, or the stand-in), a Zeek's stand-in that comes and goes, and the extension,
 * while they are looked at.
 * @param serve shows them until the user has had enough
 */
export async function runSandbox(io: Io, serve: (places: SandboxPlaces) => Promise<void>): Promise<void> {
  const processes = new DemoProcesses(() => {});
  const ask = ['--interval', '2', ...WANTED.flatMap((sql) => ['--subscribe', sql]), '--execute', ONCE];
  const over = new AbortController();
  const signal = AbortSignal.any([io.interrupted, over.signal]);
  let comesAndGoes: Promise<void> | undefined;
  try {
    const bro = await processes.startBro(ask);
    const broPort = await bro.messages.find(
      ({ type, port }) => (type === 'listening' ? port : undefined),
      signal,
    );
    const osqueryd = findOsqueryd(io.env);
    await printLine(io.err, `osqueryd is ${osqueryd.description}.`);
    await processes.startOsqueryd(osqueryd, broPort);
    const socket = join(processes.directory, 'inspect.sock');
    await processes.startExtension(['--inspect', socket]);
    const look = parseInspectAddress(socket);
    if (!look) throw new Error(`${socket} is not an address`);
    await printLine(
      io.err,
      `The Zeek disconnects every ${THERE / 1_000} s and reconnects ${AWAY / 1_000} s later.`,
    );
    comesAndGoes = comeAndGo(bro, signal, () =>
      processes.startBro([...ask, '--listen', `127.0.0.1:${broPort}`]),
    );
    await Promise.race([serve({ look, stateDirectory: processes.stateDirectory }), comesAndGoes]);
  } catch (error) {
    if (!io.interrupted.aborted) throw error;
  } finally {
    over.abort();
    // None may come once all are dismissed.
    await comesAndGoes?.catch(() => {});
    await processes.stopAll();
  }
}

async function comeAndGo(
  first: BroProcess,
  signal: AbortSignal,
  start: () => Promise<BroProcess>,
): Promise<void> {
  for (let bro = first; ; bro = await start()) {
    await sleep(THERE, undefined, { signal });
    bro.child.kill();
    await sleep(AWAY, undefined, { signal });
  }
}
