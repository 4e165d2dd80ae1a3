import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** What stand-ins of Zeek are to be there. */
export interface ZeekOrder {
  /** Where each listens, port 0; or the NATS server at which there is one. */
  readonly address: string;
  readonly zeeks: number;
  /** SQL of what each subscribes to. */
  readonly queries: readonly string[];
}

/** Zeeks' places taken by another process, so that what they cost is not counted as the host's. */
export class ZeekProcess {
  readonly #child: ChildProcess;
  /** Of each of them. */
  readonly addresses: readonly string[];

  private constructor(child: ChildProcess, addresses: readonly string[]) {
    this.#child = child;
    this.addresses = addresses;
  }

  static async start(order: ZeekOrder): Promise<ZeekProcess> {
    const child = fork(join(import.meta.dirname, 'zeek-child.ts'), {
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    child.send(order);
    const [addresses] = await once(child, 'message');
    return new ZeekProcess(child, addresses as string[]);
  }

  /** Rows that have come to all of them. */
  async rows(): Promise<number> {
    this.#child.send('rows');
    const [rows] = await once(this.#child, 'message');
    return rows as number;
  }

  async untilRows(wanted: number): Promise<void> {
    const end = Date.now() + 120_000;
    for (let rows = await this.rows(); rows < wanted; rows = await this.rows()) {
      if (Date.now() > end) throw new Error(`${rows} of ${wanted} rows have come`);
      await pause(10);
    }
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
