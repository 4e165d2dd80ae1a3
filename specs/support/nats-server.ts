import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { TestContext } from 'node:test';

/** A real nats-server of a spec's own, on a port of its own at 127.0.0.1. */
export interface TestNatsServer {
  readonly port: number;
  /** `nats://127.0.0.1:port` */
  readonly url: string;
  readonly pid: number;
  /** kill -9; resolves when it is gone. */
  kill(): Promise<void>;
  /** Ends it in good order: lame duck mode, which tells its clients. */
  lameDuck(): void;
  /** Starts it anew on the same port, with what its disk holds. */
  restart(config?: string): Promise<void>;
  stop(): Promise<void>;
}

export interface NatsServerOptions {
  /** Further lines of its configuration file. */
  readonly config?: string;
  readonly jetstream?: boolean;
}

/** Milliseconds that it may take to start. */
const PATIENCE = 20_000;

/** The program, undefined where there is none; `make setup-nats` gets it. */
export function natsServerProgram(): string | undefined {
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    '/usr/sbin',
    join(import.meta.dirname, '../../node_modules/.nats-server/usr/sbin'),
  ];
  return folders.map((folder) => join(folder, 'nats-server')).find((path) => existsSync(path));
}

/** For a spec's options: why it can't run, false if it can. */
export const noNatsServer: string | false =
  natsServerProgram() === undefined && 'no nats-server: make setup-nats says how to get one';

/** Starts a server that ends with the test. */
export async function startNatsServer(
  t: TestContext,
  options: NatsServerOptions = {},
): Promise<TestNatsServer> {
  const server = await runNatsServer(options);
  t.after(() => server.stop());
  return server;
}

export async function runNatsServer(options: NatsServerOptions = {}): Promise<TestNatsServer> {
  const program = natsServerProgram();
  if (program === undefined) throw new Error(String(noNatsServer));
  const folder = await mkdtemp(join(tmpdir(), 'nats-'));
  let port = -1;
  let child: ChildProcess;

  async function start(config = options.config ?? ''): Promise<void> {
    const jetstream = options.jetstream ? `jetstream { store_dir: "${join(folder, 'store')}" }\n` : '';
    const file = join(folder, 'server.conf');
    await writeFile(
      file,
      `listen: "127.0.0.1:${port}"\nports_file_dir: "${folder}"\n${jetstream}${config}\n`,
    );
    child = spawn(program as string, ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr?.on('data', (chunk) => {
      said = (said + chunk).slice(-4_000);
    });
    const deadline = Date.now() + PATIENCE;
    while (!said.includes('Server is ready')) {
      if (child.exitCode !== null || Date.now() > deadline) throw new Error(`nats-server: ${said}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    port = await portOf(folder, child.pid);
  }
  const gone = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
  };
  await start();
  return {
    get port() {
      return port;
    },
    get url() {
      return `nats://127.0.0.1:${port}`;
    },
    get pid() {
      return child.pid ?? 0;
    },
    kill: () => gone('SIGKILL'),
    lameDuck: () => void child.kill('SIGUSR2'),
    restart: start,
    async stop() {
      await gone('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The server writes its port into a file named after its process. */
async function portOf(folder: string, pid: number | undefined): Promise<number> {
  const deadline = Date.now() + PATIENCE;
  while (Date.now() < deadline) {
    const name = (await readdir(folder)).find((file) => file.endsWith(`_${pid}.ports`));
    const text = name === undefined ? '' : await readFile(join(folder, name), 'utf8');
    const [, port] = /"nats:\/\/[^"]*:(\d+)"/.exec(text) ?? /"tls:\/\/[^"]*:(\d+)"/.exec(text) ?? [];
    if (port !== undefined) return Number(port);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('nats-server did not say its port');
}
