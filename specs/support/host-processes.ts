import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type StatusReport, statusSocket } from '../../src/cli/extension/observation/status-report.ts';
import { fetchStatus } from '../../src/cli/status/status-client.ts';
import { createManagerClient } from '../../src/osquery/manager-client.ts';
import { eventually } from './eventually.ts';
import { joinedFlags } from './standin-process.ts';

const ROOT = join(import.meta.dirname, '../..');
const MAIN = join(ROOT, 'src/cli/main.ts');
const STANDIN = join(ROOT, 'src/sandbox/osqueryd/main.ts');

export interface HostOptions {
  /** The key `bro` of osquery's configuration. */
  readonly bro: object;
  /** Queries of osquery's own configuration, by name. */
  readonly schedule?: object;
  /** More of the extension's command line. */
  readonly extensionFlags?: readonly string[];
  /** Elsewhere than beside the rest: a small disk. */
  readonly stateDirectory?: string;
  /** What starts the extension, with its command line following: `prlimit …`. */
  readonly wrapper?: readonly string[];
  /** The extension; from its source by default. */
  readonly program?: readonly string[];
}

/** The stand-in, or the real osqueryd that `OSQUERYD` names, with what it needs beside. */
function osquerydProgram(directory: string): readonly [command: string, first: readonly string[]] {
  const real = process.env['OSQUERYD'];
  if (!real) return [process.execPath, ['--import', 'tsx', STANDIN]];
  const own = [
    '--disable_watchdog',
    '--allow_unsafe',
    '--force',
    `--pidfile=${join(directory, 'osqueryd.pid')}`,
  ];
  return [real, own];
}

export interface Registration {
  readonly uuid: number;
  /** Log calls that the extension that lives has answered, in whatever registration. */
  readonly calls: number;
}

/** A host: a stand-in osqueryd and the extension, as processes that can be killed, stopped and started again. */
export class HostProcesses {
  readonly directory: string;
  readonly stateDirectory: string;
  readonly #options: HostOptions;
  #osqueryd: ChildProcess | undefined;
  #extension: ChildProcess | undefined;
  #uuid: number | undefined;
  readonly #stops: (() => void)[] = [];
  /** What the extension has logged in all its lives. */
  log = '';

  private constructor(directory: string, options: HostOptions) {
    this.directory = directory;
    this.stateDirectory = options.stateDirectory ?? join(directory, 'state');
    this.#options = options;
  }

  static async create(options: HostOptions): Promise<HostProcesses> {
    const directory = await mkdtemp(join(tmpdir(), 'host-'));
    const host = new HostProcesses(directory, options);
    const { bro, schedule = {} } = options;
    await writeFile(join(directory, 'osquery.conf'), JSON.stringify({ bro, schedule }));
    return host;
  }

  get socket(): string {
    return join(this.directory, 'osquery.em');
  }

  async startOsqueryd(more: readonly string[] = []): Promise<void> {
    await rm(this.socket, { force: true });
    const flags = [
      `--database_path=${join(this.directory, 'db')}`,
      ...joinedFlags(this.directory),
      '--extensions_interval=1',
      '--logger_event_type=false',
      '--schedule_splay_percent=0',
      ...more,
    ];
    const [command, first] = osquerydProgram(this.directory);
    this.#osqueryd = spawn(command, [...first, ...flags], { stdio: 'ignore', cwd: ROOT });
    await eventually(`${this.socket} exists`, () => existsSync(this.socket));
  }

  startExtension(): void {
    const source = [process.execPath, '--import', 'tsx', MAIN];
    const { wrapper = [], program = source, extensionFlags = [] } = this.#options;
    const [command = '', ...args] = [...wrapper, ...program];
    const own = ['--socket', this.socket, '--interval', '1', '--state-dir', this.stateDirectory];
    const child = spawn(command, [...args, 'extension', ...own, ...extensionFlags], {
      stdio: ['ignore', 'ignore', 'pipe'],
      cwd: ROOT,
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      this.log += chunk.toString('utf8');
    });
    this.#extension = child;
  }

  /**
   * Starts osqueryd and the extension whenever they have ended, as osqueryd's autoloader and a service manager do.
   * @returns the exit codes of osqueryd so far, and a way to end it
   */
  supervise(osquerydFlags: readonly string[] = []): { readonly deaths: (number | null)[]; stop(): void } {
    const deaths: (number | null)[] = [];
    let stopped = false;
    const extension = () => {
      if (stopped) return;
      this.startExtension();
      this.#extension?.once('exit', () => setTimeout(extension, 100));
    };
    const osqueryd = async () => {
      if (stopped) return;
      await this.startOsqueryd(osquerydFlags);
      this.#osqueryd?.once('exit', (code) => {
        if (!stopped) deaths.push(code);
        setTimeout(() => void osqueryd(), 100);
      });
    };
    void osqueryd();
    extension();
    const stop = () => {
      stopped = true;
    };
    this.#stops.push(stop);
    return { deaths, stop };
  }

  /** Ends a process with -9. */
  async kill(which: 'osqueryd' | 'extension'): Promise<void> {
    const child = which === 'osqueryd' ? this.#osqueryd : this.#extension;
    this.#uuid = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  /** Sends the extension or osqueryd a signal. */
  signal(which: 'osqueryd' | 'extension', signal: NodeJS.Signals): void {
    (which === 'osqueryd' ? this.#osqueryd : this.#extension)?.kill(signal);
  }

  get extensionPid(): number | undefined {
    return this.#extension?.pid;
  }

  /** What the extension tells of itself; undefined while nobody answers. */
  async report(): Promise<StatusReport | undefined> {
    return fetchStatus(statusSocket(this.stateDirectory)).catch(() => undefined);
  }

  /** Waits until a report says so. */
  async untilReported(
    what: string,
    condition: (report: StatusReport) => boolean,
    within = 60_000,
  ): Promise<StatusReport> {
    const end = Date.now() + within;
    let last: StatusReport | undefined;
    for (;;) {
      last = (await this.report()) ?? last;
      if (last && condition(last)) return last;
      if (Date.now() > end) {
        throw new Error(`${what}: not within ${within} ms; the last report: ${JSON.stringify(last)}`);
      }
      await pause(25);
    }
  }

  /**
   * Hands a line over as osqueryd does, with `ping` and `call`.
   * @param to the registration; by default the one that osqueryd knows
   * @returns whether it was answered OK
   */
  async handOver(line: string | Buffer, to?: number): Promise<boolean> {
    const uuid = to ?? (await this.#extensionUuid());
    if (uuid === undefined) return false;
    const extension = createManagerClient({ path: `${this.socket}.${uuid}`, queryDeadline: 5_000 });
    try {
      const { status } = await extension.call('logger', 'bro', {
        string: line.toString(),
        category: 'event',
      });
      return status.code === 0;
    } catch {
      this.#uuid = undefined;
      return false;
    } finally {
      extension.close();
    }
  }

  async #extensionUuid(): Promise<number | undefined> {
    if (this.#uuid !== undefined) return this.#uuid;
    const manager = createManagerClient({ path: this.socket, deadline: 1_000 });
    try {
      this.#uuid = [...(await manager.extensions()).keys()].at(-1);
    } catch {
      return undefined;
    } finally {
      manager.close();
    }
    return this.#uuid;
  }

  /**
   * The extension's registration while osqueryd and the extension that lives are of one mind about it; osqueryd alone
   * believes for a while that a dead one is.
   */
  async registration(): Promise<Registration | undefined> {
    this.#uuid = undefined;
    const report = await this.report();
    const uuid = await this.#extensionUuid();
    if (uuid === undefined || !report?.osquery.state.startsWith('registered')) return undefined;
    if (report.osquery.uuid !== String(uuid)) return undefined;
    return { uuid, calls: report.logger.calls };
  }

  /** Path of the extension's own socket. */
  async extensionSocket(): Promise<string> {
    for (let tries = 0; tries < 600; tries += 1) {
      const uuid = await this.#extensionUuid();
      if (uuid !== undefined) return `${this.socket}.${uuid}`;
      await pause(50);
    }
    throw new Error('osqueryd has no extension');
  }

  /** The names under which osquery runs the queries, by Bro and SQL: `bro sql`. */
  async names(wanted: readonly { readonly peer: string; readonly sql: string }[]): Promise<string[]> {
    const report = await this.untilReported('all queries run', ({ subscriptions }) =>
      wanted.every(({ peer, sql }) => subscriptions.some((one) => one.peer === peer && one.sql === sql)),
    );
    return wanted.map(
      ({ peer, sql }) => report.subscriptions.find((one) => one.peer === peer && one.sql === sql)?.name ?? '',
    );
  }

  async close(): Promise<void> {
    for (const stop of this.#stops) stop();
    this.signal('extension', 'SIGCONT');
    this.signal('osqueryd', 'SIGCONT');
    await this.kill('extension');
    await this.kill('osqueryd');
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }
}
