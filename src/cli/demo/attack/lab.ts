import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Child } from '../child.ts';
import type { DemoProcesses } from '../demo-processes.ts';

const run = promisify(execFile);

/** A machine of the lab: namespaces of its own for network, processes, mounts and host name. */
export interface Machine {
  readonly name: string;
  readonly address: string;
  /** What runs a command within it; `network` alone: among the processes of this machine, where it can't see them. */
  readonly within: (command: readonly string[], only?: 'network') => readonly string[];
}

/** The switch that all machines are connected to, where all their traffic passes. */
const SWITCH = 'br0';
/** Folders that each machine has for itself: what is done there is seen nowhere else and gone in the end. */
const OWN_FOLDERS = ['/var/tmp', '/etc/cron.d'];
/** What keeps a machine's namespaces: it takes care of processes whose parents have ended, as init does. */
const INIT = 'while :; do sleep 1000 & wait; done';

/**
 * Machines in namespaces of Linux, connected by a bridge. The machine that runs the demo is not changed, and nothing
 * reaches any other.
 */
export class Lab {
  readonly #processes: DemoProcesses;
  #switchPid = 0;
  readonly #machines: Child[] = [];

  constructor(processes: DemoProcesses) {
    this.#processes = processes;
  }

  /** The name of the bridge, for those who listen on it. */
  get interface(): string {
    return SWITCH;
  }

  /** @throws Error if the namespaces can't be had */
  async start(address: string): Promise<void> {
    const child = await this.#hold('switch', ['--net'], 'exec sleep 1000000');
    this.#switchPid = await firstProcess(child);
    await this.#inSwitch('link', 'set', 'lo', 'up');
    await this.#inSwitch('link', 'add', SWITCH, 'type', 'bridge');
    await this.#inSwitch('link', 'set', SWITCH, 'up');
    await this.#inSwitch('address', 'add', `${address}/24`, 'dev', SWITCH);
    // Machines outside of the network are on the same wire.
    await this.#inSwitch('route', 'add', 'default', 'dev', SWITCH);
  }

  /** What runs a command where all traffic passes. */
  atSwitch(command: readonly string[]): readonly string[] {
    return ['nsenter', '--target', String(this.#switchPid), '--net', '--', ...command];
  }

  async machine(name: string, address: string): Promise<Machine> {
    const kinds = ['--net', '--mount', '--uts', '--pid', '--mount-proc'];
    const mounts = OWN_FOLDERS.map((folder) => `mount -t tmpfs tmpfs ${folder}`).join(' && ');
    const child = await this.#hold(name, kinds, `hostname ${name} && ${mounts} && ${INIT}`);
    const pid = String(await firstProcess(child));
    this.#machines.push(child);
    const port = `port${this.#machines.length}`;
    await this.#inSwitch('link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', pid);
    await this.#inSwitch('link', 'set', port, 'master', SWITCH, 'up');
    const within: Machine['within'] = (command, only) => [
      ...['nsenter', '--target', pid, `--wd=${process.cwd()}`, '--net'],
      ...(only ? [] : ['--mount', '--uts', '--pid']),
      ...['--', ...command],
    ];
    const ip = (...args: readonly string[]) => execute(within(['ip', ...args], 'network'));
    await ip('link', 'set', 'lo', 'up');
    await ip('link', 'set', 'eth0', 'up');
    await ip('address', 'add', `${address}/24`, 'dev', 'eth0');
    await ip('route', 'add', 'default', 'dev', 'eth0');
    return { name, address, within };
  }

  /** Ends all processes of all machines: each would hold the pipes that its parent's end is waited for by. */
  stop(): void {
    for (const machine of this.#machines) machine.kill();
  }

  #hold(name: string, kinds: readonly string[], script: string): Promise<Child> {
    const command = ['unshare', ...kinds, '--fork', '--kill-child', 'sh', '-c', script];
    return this.#processes.start(`machine ${name}`, command);
  }

  #inSwitch(...args: readonly string[]): Promise<void> {
    return execute(this.atSwitch(['ip', ...args]));
  }
}

/** Runs a command to its end. @throws Error with what it said if it fails */
export async function execute([program = '', ...args]: readonly string[]): Promise<void> {
  await run(program, args);
}

/** Kills the process that was started within a machine, which its own name for it is not needed for. */
export function killWithin({ pid }: Child): void {
  for (const inner of childrenOf(pid)) process.kill(inner, 'SIGKILL');
}

/** The first process within new namespaces, as it is called outside. */
async function firstProcess({ pid, ending, lastLines }: Child): Promise<number> {
  for (let tries = 0; tries < 200; tries += 1) {
    if (ending() !== undefined) break;
    const [first] = childrenOf(pid);
    if (first !== undefined) return first;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`namespaces can't be made (${lastLines().join(' ')}); the demo needs root on Linux`);
}

function childrenOf(pid: number): readonly number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}
