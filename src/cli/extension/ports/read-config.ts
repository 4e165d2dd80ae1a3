import type { Configured } from '../../../../actors/osquery-core.machine.ts';
import { changedEndpoints } from '../../../config/changed-endpoints.ts';
import { keysForNextStart } from '../../../config/next-start.ts';
import { parseSettings } from '../../../config/parse.ts';
import type { Settings } from '../../../config/settings.ts';
import { misplacedKeys } from '../../../config/unknown-keys.ts';
import type { ManagerClient } from '../../../osquery/manager-client.ts';
import type { OsqueryOption } from '../../../osquery/manager-values.ts';
import { reasonOf } from '../../../text/reason.ts';
import { LAYOUT } from '../../layout.ts';
import type { ExtensionContext } from '../extension-context.ts';
import { findConfig } from './find-config.ts';
import { type GoodConfig, loadGoodConfig, saveGoodConfig } from './good-config.ts';

export interface ConfigReaderOptions {
  readonly client: Pick<ManagerClient, 'call'>;
  /** `--config` of our own command line. */
  readonly file: string | undefined;
  /** `--state-dir` of our own command line. */
  readonly stateDirectory: string | undefined;
}

export interface Reading {
  readonly result: Configured;
  /** Whether it came to something else than the reading before. */
  readonly isNews: boolean;
  /** Whether what osquery has could be read, and is in force. */
  readonly isGood: boolean;
}

/** One reading: the settings it comes to, or what is wrong with it, and the member as far as it could be read. */
type Read =
  | {
      readonly good: GoodConfig;
      readonly settings: Settings;
      readonly warnings: readonly string[];
      readonly isStopgap: boolean;
    }
  | { readonly problems: readonly string[]; readonly warnings: readonly string[]; readonly bro: unknown };

/**
 * Reads our configuration. What is good is in force at once, and kept in the state directory; what is bad leaves the
 * last good one in force, at a start the one that was kept: whoever breaks a configuration mostly restarts osqueryd
 * as well, and a host would be without its Zeeks just then.
 */
export class ConfigReader {
  readonly #context: ExtensionContext;
  readonly #options: ConfigReaderOptions;
  #good: GoodConfig | undefined;
  /** The state directory, once it is ours. */
  #directory: string | undefined;
  /** What was in force then. */
  #started: Settings | undefined;
  /** What the reading before came to. */
  #former = '';
  /** The reading that is under way, if any; one after the other. */
  #reading: Promise<unknown> = Promise.resolve();

  constructor(context: ExtensionContext, options: ConfigReaderOptions) {
    this.#context = context;
    this.#options = options;
  }

  /** @param flags those of osqueryd */
  read(flags: ReadonlyMap<string, OsqueryOption>): Promise<Reading> {
    const reading = this.#reading.then(() => this.#readNow(flags));
    this.#reading = reading.catch(() => undefined);
    return reading;
  }

  async #readNow(flags: ReadonlyMap<string, OsqueryOption>): Promise<Reading> {
    const read = await this.#read(flags);
    const text = JSON.stringify('settings' in read ? read.settings : read.problems) + read.warnings.join();
    const isNews = text !== this.#former;
    this.#former = text;
    // What is wrong is told once, not every minute.
    if (isNews) this.#tell(read);
    if ('problems' in read) return { result: await this.#makeDo(read, isNews), isNews, isGood: false };
    const isSame = JSON.stringify(read.good.bro) === JSON.stringify(this.#good?.bro);
    this.#good = read.good;
    const before = this.#context.settings();
    if (isNews) this.#context.takeSettings(read.settings);
    if (!isSame) await this.#keep();
    return { result: configured(read.settings, before), isNews, isGood: !read.isStopgap };
  }

  /** From now on what is good is kept there. */
  async keepIn(directory: string): Promise<void> {
    this.#directory = directory;
    this.#started = this.#context.settings();
    await this.#keep();
  }

  async #read(flags: ReadonlyMap<string, OsqueryOption>): Promise<Read> {
    const { client, file } = this.#options;
    let bro: unknown;
    try {
      const found = await findConfig({ client, options: flags, file }, this.#good?.source ?? '');
      bro = found.bro;
      const checked = parseSettings(bro);
      const parsed = { ...checked, warnings: [...checked.warnings, ...misplacedKeys(found.options)] };
      if ('problems' in parsed) return { ...parsed, bro };
      const { source, isStopgap } = found;
      return { ...parsed, isStopgap, good: { at: this.#context.runtime.now(), source, bro } };
    } catch (error) {
      return { problems: [reasonOf(error)], warnings: [], bro };
    }
  }

  #tell(read: Read): void {
    const { log } = this.#context;
    if ('problems' in read) for (const problem of read.problems) log.error({ area: 'config' }, problem);
    for (const warning of read.warnings) log.warn({ area: 'config' }, warning);
    if ('problems' in read) {
      if (this.#good) log.warn({ area: 'config' }, `${inWords(this.#good)} stays in effect`);
      return;
    }
    const zeeks = read.settings.endpoints.length;
    if (zeeks === 0) log.warn({ area: 'config' }, "osquery's configuration names no Zeek under the key bro");
    else log.info({ area: 'config', zeeks }, `read the configuration from ${read.good.source}`);
    if (!this.#started) return;
    for (const key of keysForNextStart(this.#started, read.settings)) {
      // The command line has the last word on where the state is.
      if (key === 'bro.state_dir' && this.#options.stateDirectory !== undefined) continue;
      log.warn({ area: 'config' }, `${key}: takes effect at the next start of the extension`);
    }
  }

  /** What is in force stays; where nothing has been yet, what was kept is. */
  async #makeDo(
    { problems, bro }: Extract<Read, { problems: unknown }>,
    isNews: boolean,
  ): Promise<Configured> {
    const refused = { outcome: 'refused', problems } as const;
    if (this.#good) return refused;
    const { log } = this.#context;
    const kept = await loadGoodConfig(this.#options.stateDirectory ?? stateDirectoryIn(bro));
    const parsed = kept && parseSettings(kept.bro);
    if (!parsed || 'problems' in parsed) {
      const news = 'no valid configuration so far: this host connects to no Zeek yet';
      if (isNews) log.error({ area: 'config' }, news);
      return refused;
    }
    this.#good = kept;
    const before = this.#context.settings();
    this.#context.takeSettings(parsed.settings);
    log.warn({ area: 'config' }, `${inWords(kept)} is in effect`);
    return configured(parsed.settings, before);
  }

  async #keep(): Promise<void> {
    if (this.#directory === undefined || !this.#good) return;
    try {
      await saveGoodConfig(this.#directory, this.#good);
    } catch (error) {
      this.#context.log.warn({ area: 'config' }, `can't save the configuration: ${reasonOf(error)}`);
    }
  }
}

function configured(settings: Settings, before: Settings): Configured {
  const { endpoints, groups, policy } = settings;
  return {
    outcome: 'configured',
    configuration: { peers: endpoints.map(({ peer }) => peer), groups, policy },
    changed: changedEndpoints(before, settings),
  };
}

function inWords({ at, source }: GoodConfig): string {
  return `the last good configuration (${source || 'none'}, ${new Date(at).toISOString()})`;
}

/** Also a configuration that is wrong elsewhere says where the state is. */
function stateDirectoryIn(bro: unknown): string {
  const directory = typeof bro === 'object' && bro !== null ? Reflect.get(bro, 'state_dir') : undefined;
  return typeof directory === 'string' && directory !== '' ? directory : LAYOUT.state;
}
