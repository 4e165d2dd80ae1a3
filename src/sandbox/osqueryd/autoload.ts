import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { autoloadPaths, whyNotAutoload } from '../../osquery/autoload-store.ts';
import type { Clock } from './clock.ts';
import type { Flags } from './flags.ts';
import type { StatusLog } from './logging/status-log.ts';

export interface AutoloadOptions {
  readonly clock: Clock;
  readonly flags: Flags;
  readonly log: StatusLog;
}

/** How often the watcher looks whether its extensions live. */
const WATCH_INTERVAL_MS = 3000;

/** Deaths closer together than this are "too quick". */
const RESPAWN_LIMIT_MS = 5000;

/**
 * The part of osqueryd's watcher that starts extensions of `--extensions_autoload` and starts them again
 * when they die (osquery.md 3, s20).
 */
export class Autoload {
  readonly #options: AutoloadOptions;
  readonly #children = new Map<string, { child: ChildProcess; started: number }>();
  readonly #paths: readonly string[];

  constructor(options: AutoloadOptions) {
    this.#options = options;
    this.#paths = autoloadable(options.flags, options.log);
  }

  /** Whether osqueryd waits for plugins because it starts extensions itself. */
  get isManaging(): boolean {
    return this.#paths.length > 0;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      for (const path of this.#paths) this.#ensure(path);
      await this.#options.clock.sleep(WATCH_INTERVAL_MS, signal);
    }
  }

  /** Ends the extensions that are still there after they have been told to. */
  async stop(): Promise<void> {
    await Promise.all(
      [...this.#children.values()].map(async ({ child }) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = new Promise((resolve) => child.once('exit', resolve));
        const timer = setTimeout(() => child.kill('SIGKILL'), 4000);
        child.kill('SIGTERM');
        await ended;
        clearTimeout(timer);
      }),
    );
  }

  #ensure(path: string): void {
    const { clock, flags, log } = this.#options;
    const known = this.#children.get(path);
    if (known && known.child.exitCode === null && known.child.signalCode === null) return;
    if (known && clock.now() - known.started < RESPAWN_LIMIT_MS) {
      log.warning('watcher.cpp', 688, `Extension respawning too quickly: ${path}`);
    }
    const argv = [
      ...(flags.bool('verbose') ? ['--verbose'] : []),
      ...['--socket', flags.text('extensions_socket')],
      ...['--timeout', flags.text('extensions_timeout')],
      ...['--interval', flags.text('extensions_interval')],
    ];
    const watched = flags.bool('disable_watchdog') ? [] : ['OSQUERY_EXTENSIONS=true'];
    // The environment holds the extension's own process id, which exists only once the process does: a shell
    // makes it and becomes the extension.
    const become = 'exec /usr/bin/env -i OSQUERY_EXTENSION=$$ "$@"';
    const child = spawn('/bin/sh', ['-c', become, 'sh', ...watched, path, ...argv], {
      cwd: '/',
      env: {},
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    child.on('error', (error) =>
      log.error('watcher.cpp', 744, `Cannot start extension ${path}: ${error.message}`),
    );
    this.#children.set(path, { child, started: clock.now() });
    log.verbose('watcher.cpp', 773, `Created and monitoring extension child (${child.pid ?? -1}): ${path}`);
  }
}

/** Paths of the autoload file that osqueryd would start; for the others it says why not. */
export function autoloadable(flags: Flags, log: StatusLog): string[] {
  const file = flags.text('extensions_autoload');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    log.verbose(
      'extensions.cpp',
      453,
      `Could not autoload extensions: Cannot open file for reading: ${file}`,
    );
    return [];
  }
  return autoloadPaths(text).filter((path) => {
    const refusal = whyNotAutoload(path);
    if (refusal === undefined) log.verbose('extensions.cpp', 438, `Found autoloadable extension: ${path}`);
    else log.warning('extensions.cpp', 411, `Will not autoload extension ${refusal}: ${path}`);
    return refusal === undefined;
  });
}
