import type { Host } from '../vocabulary/model.ts';
import { SimulatedHost, type Surroundings } from './simulated-host.ts';

export interface FleetOptions {
  readonly hosts: number;
  /** Connections that are begun a second. */
  readonly connectsPerSecond: number;
  /** Of each host. */
  readonly rowsPerMinute: number;
  /** Seconds between runs of a host's queries; the rows of a run come together, as osquery logs them. */
  readonly runInterval: number;
  /** Percent of the hosts that go and come back a minute, half of them without a word. */
  readonly churn: number;
  /** The host with this number, from 1. */
  readonly host: (number: number) => Host;
}

/** Hosts that may be on their way to their first connection. */
const MAX_CONNECTING = 100;
/** Seconds between hellos, see V5. */
const HELLO_INTERVAL = 60;

/** Hosts that a process simulates: who connects, has rows or goes at a moment. Whoever owns it calls {@link tick}. */
export class Fleet {
  readonly hosts: readonly SimulatedHost[];
  readonly #options: FleetOptions;
  readonly #around: Surroundings;
  #tickedAt: number;
  #begun = 0;
  #owedConnects = 1;
  #owedRuns = 0;
  #owedRows = 0;
  #owedChurn = 0;
  #owedHellos = 0;
  #runCursor = 0;
  #helloCursor = 0;
  #producing = true;

  constructor(options: FleetOptions, around: Surroundings) {
    this.#options = options;
    this.#around = around;
    this.#tickedAt = around.now();
    this.hosts = Array.from(
      { length: options.hosts },
      (_, index) => new SimulatedHost(options.host(index + 1), around),
    );
  }

  /** Rows that wait for their confirmation. */
  get pending(): number {
    return this.hosts.reduce((sum, host) => sum + host.pending, 0);
  }

  /** Hosts have no new rows from now on, and don't go any more. */
  stopProducing(): void {
    this.#producing = false;
  }

  /** Does what the time since the last call makes due. */
  tick(): void {
    const now = this.#around.now();
    const seconds = Math.min(1, Math.max(0, now - this.#tickedAt) / 1000);
    this.#tickedAt = now;
    this.#connect(seconds);
    if (!this.#producing) return;
    this.#produce(seconds);
    this.#hello(seconds);
    this.#churn(seconds);
  }

  /** All hosts end in good order, some at a time. */
  async end(): Promise<void> {
    const slice = 500;
    for (let at = 0; at < this.hosts.length; at += slice) {
      await Promise.all(this.hosts.slice(at, at + slice).map((host) => host.leave(true)));
    }
  }

  #connect(seconds: number): void {
    this.#owedConnects += seconds * this.#options.connectsPerSecond;
    // This process has to keep up with its own handshakes.
    const underWay = this.#begun - this.#around.tally.reached;
    this.#owedConnects = Math.min(this.#owedConnects, Math.max(0, MAX_CONNECTING - underWay));
    while (this.#owedConnects >= 1 && this.#begun < this.hosts.length) {
      this.hosts[this.#begun]?.connect();
      this.#begun += 1;
      this.#owedConnects -= 1;
    }
  }

  #produce(seconds: number): void {
    const { runInterval, rowsPerMinute } = this.#options;
    this.#owedRuns += (seconds * this.#begun) / runInterval;
    while (this.#owedRuns >= 1) {
      this.#owedRuns -= 1;
      this.#owedRows += (rowsPerMinute / 60) * runInterval;
      const rows = Math.floor(this.#owedRows);
      this.#owedRows -= rows;
      this.#runCursor = (this.#runCursor + 1) % Math.max(1, this.#begun);
      if (rows > 0) this.hosts[this.#runCursor]?.produce(rows);
    }
  }

  #hello(seconds: number): void {
    this.#owedHellos += (seconds * this.#begun) / HELLO_INTERVAL;
    while (this.#owedHellos >= 1) {
      this.#owedHellos -= 1;
      this.#helloCursor = (this.#helloCursor + 1) % Math.max(1, this.#begun);
      this.hosts[this.#helloCursor]?.hello();
    }
  }

  #churn(seconds: number): void {
    const { churn } = this.#options;
    this.#owedChurn += (seconds * this.#begun * churn) / 100 / 60;
    while (this.#owedChurn >= 1) {
      this.#owedChurn -= 1;
      const { chance } = this.#around;
      const host = this.hosts[Math.floor(chance() * this.#begun)];
      if (chance() < 0.5) host?.cut();
      else void host?.leave(false);
    }
  }
}
