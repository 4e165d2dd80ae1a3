import type { Clock } from '../clock.ts';
import type { CorePlugins } from '../core-plugins.ts';
import type { Flags } from '../flags.ts';
import type { StatusLog } from '../logging/status-log.ts';
import type { ScheduleLock } from '../schedule-lock.ts';
import type { Config } from './config.ts';
import { ConfigError } from './config-json.ts';

export interface ConfigSourceParts {
  readonly clock: Clock;
  readonly flags: Flags;
  readonly log: StatusLog;
  readonly lock: ScheduleLock;
  readonly config: Config;
  readonly plugins: Pick<CorePlugins, 'call'>;
  /** Called when the configuration may be another. */
  readonly configured: () => void;
}

/** Fills the configuration from the plugin that `--config_plugin` names: at the start, and each `--config_refresh`. */
export class ConfigSource {
  readonly #parts: ConfigSourceParts;

  constructor(parts: ConfigSourceParts) {
    this.#parts = parts;
  }

  /** What can't be had or read is a warning, as in osqueryd, and leaves what was there. */
  async load(): Promise<void> {
    const { lock, config, log, configured } = this.#parts;
    const { status, response } = await this.#ask({ action: 'genConfig' });
    await lock.hold(async () => {
      try {
        if (status.code !== 0) throw new ConfigError(status.message);
        await config.update(new Map(Object.entries(response[0] ?? {})));
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        log.warning('init.cpp', 559, `Error reading config: ${error.message}`);
      }
      config.loaded = true;
      configured();
    });
  }

  /** Loads again and again until it is aborted. */
  async refresh(signal: AbortSignal): Promise<void> {
    const { clock, flags, log } = this.#parts;
    for (;;) {
      await clock.sleep(flags.number('config_refresh') * 1000, signal);
      if (signal.aborted) return;
      log.verbose('config.cpp', 1337, 'Refreshing configuration state');
      await this.load();
    }
  }

  /** The text of a pack that is given as a string, which the plugin alone understands; undefined if it doesn't. */
  async fetchPack(name: string, value: string): Promise<string | undefined> {
    const { status, response } = await this.#ask({ action: 'genPack', name, value });
    return status.code === 0 ? response[0]?.[name] : undefined;
  }

  #ask(request: Readonly<Record<string, string>>) {
    const { flags, plugins } = this.#parts;
    return plugins.call('config', flags.text('config_plugin'), request);
  }
}
