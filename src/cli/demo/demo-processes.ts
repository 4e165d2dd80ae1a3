import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { EXTENSION_NAME, PLUGIN_NAME } from '../../osquery/registration.ts';
import { Broadcast } from './broadcast.ts';
import { type Child, startChild } from './child.ts';
import type { ShownRow } from './demo-output.ts';
import { type FoundOsqueryd, ourselves } from './programs.ts';

/** A group that the host is in. */
export const GROUP = 'demo';

/** What the Bro tells on standard error, one JSON object a line. */
export interface BroMessage {
  readonly type: string;
  readonly port?: number;
  readonly text?: string;
  readonly remote?: { readonly transport: string };
  readonly remoteAddress?: string;
  readonly host?: unknown;
}

export interface BroProcess {
  readonly child: Child;
  readonly messages: Broadcast<BroMessage>;
  readonly rows: Broadcast<ShownRow>;
  /** Has it unsubscribe; undefined: it does that when it is ended. */
  readonly unsubscribe?: (signal: AbortSignal) => Promise<void>;
}

/**
 * The demo's processes and their folder. Whatever happens, {@link stopAll} ends all of them; should this process end
 * without, they are killed as it exits.
 */
export class DemoProcesses {
  readonly directory = mkdtempSync(join(tmpdir(), 'bro-osquery-demo-'));
  readonly #children: Child[] = [];
  readonly #onEnd: (child: Child) => void;
  readonly #killAll = () => {
    for (const child of this.#children) child.kill();
    rmSync(this.directory, { recursive: true, force: true });
  };

  /** @param onEnd hears of every process that ends */
  constructor(onEnd: (child: Child) => void) {
    this.#onEnd = onEnd;
    process.once('exit', this.#killAll);
  }

  get children(): readonly Child[] {
    return this.#children;
  }

  get socket(): string {
    return join(this.directory, 'osquery.em');
  }

  get stateDirectory(): string {
    return join(this.directory, 'state');
  }

  async start(
    name: string,
    command: readonly string[],
    heard: { readonly onOutput?: (line: string) => void; readonly onError?: (line: string) => void } = {},
  ): Promise<Child> {
    const child = await startChild(name, command, { ...heard, onEnd: this.#onEnd });
    this.#children.push(child);
    return child;
  }

  /** `bro-osquery bro`, listening on any free port. */
  async startBro(args: readonly string[]): Promise<BroProcess> {
    const messages = new Broadcast<BroMessage>();
    const rows = new Broadcast<ShownRow>();
    const command = [...ourselves(), 'bro', '--listen', '127.0.0.1:0', '--json', ...args];
    const child = await this.start('bro-osquery bro', command, {
      onOutput: (line) => rows.add(JSON.parse(line)),
      onError: (line) => {
        if (line.startsWith('{')) messages.add(JSON.parse(line));
      },
    });
    return { child, messages, rows };
  }

  /** osqueryd, whose configuration names the Bro, and which waits for our extension before it logs anything. */
  startOsqueryd({ command }: FoundOsqueryd, broPort: number): Promise<Child> {
    const config = join(this.directory, 'osquery.conf');
    const bro = { bro_endpoint: `127.0.0.1:${broPort}`, groups: [GROUP], uid: hostname() };
    writeFileSync(config, JSON.stringify({ bro }));
    const flags = {
      extensions_socket: this.socket,
      extensions_autoload: join(this.directory, 'none'),
      extensions_require: EXTENSION_NAME,
      extensions_timeout: 20,
      config_path: config,
      logger_plugin: `${PLUGIN_NAME},filesystem`,
      logger_path: this.directory,
      logger_event_type: false,
      pidfile: join(this.directory, 'osqueryd.pid'),
      ephemeral: true,
      disable_database: true,
      disable_events: true,
      disable_watchdog: true,
    };
    return this.start('osqueryd', [
      ...command,
      ...Object.entries(flags).map(([name, value]) => `--${name}=${value}`),
    ]);
  }

  startExtension(flags: readonly string[] = []): Promise<Child> {
    const places = ['--socket', this.socket, '--state-dir', this.stateDirectory];
    const command = [...ourselves(), 'extension', ...places, ...flags];
    return this.start('bro-osquery extension', command);
  }

  /** Ends what still runs, the last one started first. */
  async stopAll(): Promise<void> {
    for (const child of [...this.#children].reverse()) if (child.ending() === undefined) await child.stop();
    process.off('exit', this.#killAll);
    rmSync(this.directory, { recursive: true, force: true });
  }
}
