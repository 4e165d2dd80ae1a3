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

  /**
   * Makes plugins the active ones of a registry; until then a call to that registry that names no plugin is
   * refused. @returns why they can't be; undefined when they are
   */
  async activate(registry: string, names: readonly string[]): Promise<string | undefined> {
    const { clock, isManaging } = this.#options;
    let reason = '';
    const active = await this.#poll(isManaging ? this.#limit() : clock.now(), async () => {
      reason = await this.#attempt(registry, names);
      return reason === '';
    });
    return active ? undefined : `Cannot activate ${names.join()} ${registry} plugin: ${reason}`;
  }

  /** @returns why they can't be the active ones yet; empty when they are */
  async #attempt(name: string, items: readonly string[]): Promise<string> {
    const { registry } = this.#options;
    const unknown = registry.setActive(name, items);
    if (unknown !== undefined) return `Unknown registry plugin: ${unknown}`;
    for (const item of items) {
      const route = registry.route(name, item);
      if (route?.kind !== 'extension') continue;
      const { socket } = route.extension;
      if (!(await isActive(socket))) return `Extension socket not available: ${socket}`;
    }
    return '';
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
