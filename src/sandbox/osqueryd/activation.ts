import type { Clock } from './clock.ts';
import { ping } from './extension-link.ts';
import type { Flags } from './flags.ts';
import type { StatusLog } from './logging/status-log.ts';
import type { Registry } from './registry.ts';

export interface ActivationOptions {
  readonly clock: Clock;
  readonly flags: Flags;
  readonly log: StatusLog;
  readonly registry: Registry;
  readonly signal: AbortSignal;
  /** Whether osqueryd starts extensions itself and therefore waits for their plugins. */
  readonly isManaging: boolean;
}

/** How often osqueryd looks whether an extension is there by now. */
const POLL_MS = 20;

/** The waiting for extensions at the start (osquery.md 3). */
export class Activation {
  readonly #options: ActivationOptions;

  constructor(options: ActivationOptions) {
    this.#options = options;
  }

  /** Waits for the extensions of `--extensions_require`, which share `--extensions_timeout`. */
  async requireExtensions(): Promise<void> {
    const { flags, log, registry } = this.#options;
    const limit = this.#limit();
    for (const name of flags.list('extensions_require')) {
      const found = await this.#poll(limit, async () => {
        const extension = registry.byName(name);
        return extension !== undefined && (await isActive(extension.socket));
      });
      if (!found) log.warning('extensions.cpp', 574, `Required extension not found or not loaded: ${name}`);
    }
  }

  /** Makes plugins the active ones of a registry. @returns why one can't be; undefined when all are */
  async activate(registry: string, names: readonly string[]): Promise<string | undefined> {
    const { clock, isManaging } = this.#options;
    const limit = isManaging ? this.#limit() : clock.now();
    for (const name of names) {
      let reason = '';
      const active = await this.#poll(limit, async () => {
        const route = this.#options.registry.route(registry, name);
        reason = `Unknown registry plugin: ${name}`;
        if (!route) return false;
        if (route.kind === 'core') return true;
        reason = `Extension socket not available: ${route.extension.socket}`;
        return await isActive(route.extension.socket);
      });
      if (!active) return `Cannot activate ${name} ${registry} plugin: ${reason}`;
    }
    return undefined;
  }

  #limit(): number {
    return this.#options.clock.now() + this.#options.flags.number('extensions_timeout') * 1000;
  }

  async #poll(limit: number, attempt: () => Promise<boolean>): Promise<boolean> {
    const { clock, signal } = this.#options;
    for (;;) {
      if (await attempt()) return true;
      if (clock.now() >= limit || signal.aborted) return false;
      await clock.sleep(POLL_MS, signal);
    }
  }
}

/** osqueryd asks twice (s01). */
async function isActive(socket: string): Promise<boolean> {
  return (await ping(socket)) && (await ping(socket));
}
