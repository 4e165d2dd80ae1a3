import { existsSync } from 'node:fs';
import type { Clock } from './clock.ts';
import { ping, requestShutdown } from './extension-link.ts';
import type { StatusLog } from './logging/status-log.ts';
import type { Registry } from './registry.ts';

export interface WatcherOptions {
  readonly clock: Clock;
  readonly log: StatusLog;
  readonly registry: Registry;
  /** Milliseconds between two rounds. */
  readonly intervalMs: number;
  /** Milliseconds that a new extension has to open its socket. */
  readonly latencyMs: number;
}

/**
 * Looks after the registered extensions: a ping each in every round. Who doesn't answer is forgotten at the
 * end of the round, so a name stays taken for up to an interval after a death (s11).
 */
export class ExtensionWatcher {
  readonly #options: WatcherOptions;
  readonly #seen = new Set<number>();

  constructor(options: WatcherOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, intervalMs } = this.#options;
    while (!signal.aborted) {
      await this.round(signal);
      await clock.sleep(intervalMs, signal);
    }
  }

  async round(signal?: AbortSignal): Promise<void> {
    const { log, registry } = this.#options;
    const gone: number[] = [];
    for (const { uuid, socket } of registry.extensions) {
      if (!(await this.#isAlive(uuid, socket, signal))) gone.push(uuid);
    }
    for (const uuid of gone) {
      if (!registry.extension(uuid)) continue;
      log.info('extensions.cpp', 348, `Extension UUID ${uuid} has gone away`);
      registry.deregister(uuid);
      this.#seen.delete(uuid);
    }
  }

  /** Tells every extension to end. */
  async shutdownAll(timeoutMs: number): Promise<void> {
    const { log, registry } = this.#options;
    for (const { uuid, socket } of registry.extensions) {
      if (await requestShutdown(socket, timeoutMs)) continue;
      log.verbose('extensions.cpp', 244, `Extension UUID ${uuid} shutdown request failed`);
    }
  }

  /** At its first check an extension may be late with its socket; later a missing socket is the end. */
  async #isAlive(uuid: number, socket: string, signal?: AbortSignal): Promise<boolean> {
    const first = !this.#seen.has(uuid);
    this.#seen.add(uuid);
    if (!existsSync(socket)) {
      if (!first) return false;
      this.#options.log.verbose('extensions.cpp', 316, `Extension UUID ${uuid} initial check failed`);
      if (!(await waitUntilActive(this.#options.clock, socket, this.#options.latencyMs, signal)))
        return false;
    }
    return await ping(socket);
  }
}

/** Polls every 20 ms, as osqueryd does, until the socket answers a ping or the time is up. */
export async function waitUntilActive(
  clock: Clock,
  socket: string,
  limitMs: number,
  signal?: AbortSignal,
): Promise<boolean> {
  const end = clock.now() + limitMs;
  for (;;) {
    if (existsSync(socket) && (await ping(socket))) return true;
    if (clock.now() >= end || signal?.aborted) return false;
    await clock.sleep(20, signal);
  }
}
