import { existsSync, globSync, rmSync } from 'node:fs';
import { Autoload } from './autoload.ts';
import { type Clock, unixTime } from './clock.ts';
import { Config } from './config/config.ts';
import { ConfigError } from './config/config-json.ts';
import { CorePlugins } from './core-plugins.ts';
import { Distributed } from './distributed.ts';
import { callPlugin, ping } from './extension-link.ts';
import { FileEvents } from './file-events.ts';
import type { Flags } from './flags.ts';
import { Loggers } from './logging/loggers.ts';
import { StatusLog } from './logging/status-log.ts';
import { type ManagerApi, ManagerServer } from './manager-server.ts';
import { QueryRunner } from './query-runner.ts';
import { QueryStore } from './query-store.ts';
import { Registry } from './registry.ts';
import { ScheduleLock } from './schedule-lock.ts';
import { Scheduler } from './scheduler.ts';
import { rowText } from './sql/cell.ts';
import { SqlEngine } from './sql/engine.ts';
import { groups, users } from './tables/accounts.ts';
import { extensionTable } from './tables/extension-table.ts';
import { file } from './tables/file.ts';
import { hostUuid, loadAverage, mounts, osVersion, systemInfo, time, uptime } from './tables/host.ts';
import { interfaceAddresses, interfaceDetails } from './tables/interfaces.ts';
import { osqueryTables } from './tables/osquery.ts';
import { processes } from './tables/processes.ts';
import { listeningPorts, processOpenSockets } from './tables/sockets.ts';
import { type ExtensionResponse, failure, type StringMap, success } from './thrift/messages.ts';
import { VERSION } from './version.ts';
import { ExtensionWatcher, waitUntilActive } from './watcher.ts';

/** Exit code of an osqueryd that can't go on (EXIT_CATASTROPHIC). */
export const CATASTROPHIC = 78;

export interface OsquerydOptions {
  readonly clock: Clock;
  readonly flags: Flags;
  readonly pid: number;
  readonly random: () => number;
  readonly randomUuid: () => string;
  readonly hostName: string;
  /** Where the log and the stdout logger write. */
  readonly stderr: (text: string) => void;
  readonly stdout: (text: string) => void;
}

/** A stand-in osqueryd: its parts, its start in osqueryd's order, its end with an exit code. */
export class Osqueryd {
  readonly #options: OsquerydOptions;
  readonly #abort = new AbortController();
  readonly #ended = Promise.withResolvers<number>();
  readonly #lock = new ScheduleLock();
  readonly #log: StatusLog;
  readonly #store: QueryStore;
  readonly #engine = new SqlEngine();
  readonly #registry: Registry;
  readonly #config: Config;
  readonly #loggers: Loggers;
  readonly #plugins: CorePlugins;
  readonly #runner: QueryRunner;
  readonly #events: FileEvents;
  readonly #watcher: ExtensionWatcher;
  readonly #autoload: Autoload;
  readonly #server: ManagerServer;
  readonly #socket: string;
  readonly #coreTables: string[] = [];
  readonly #running: Promise<unknown>[] = [];
  #ending = false;

  constructor(options: OsquerydOptions) {
    this.#options = options;
    const { clock, flags, pid, random, stderr, stdout } = options;
    this.#socket = flags.text('extensions_socket');
    this.#log = new StatusLog({
      clock,
      pid,
      verbose: () => flags.bool('verbose'),
      minStatus: () => flags.number('logger_min_status'),
      write: (text) => {
        if (flags.bool('logger_stderr')) stderr(text);
      },
    });
    const inMemory = flags.bool('ephemeral') || flags.bool('disable_database');
    this.#store = new QueryStore(inMemory ? undefined : flags.text('database_path'));
    this.#registry = new Registry({
      log: this.#log,
      managerSocket: this.#socket,
      random,
      coreTables: () => this.#coreTables,
      attachTable: (name, routes) =>
        this.#engine.attach(
          extensionTable(name, routes, (item, request) => this.#callExtension('table', item, request)),
        ),
      detachTable: (name) => this.#engine.detach(name),
    });
    this.#config = new Config({
      flags,
      log: this.#log,
      splays: this.#store,
      random,
      fetchPack: async (name, value) => {
        const request = { action: 'genPack', name, value };
        const { status, response } = await this.#plugins.call('config', flags.text('config_plugin'), request);
        return status.code === 0 ? response[0]?.[name] : undefined;
      },
    });
    const hostIdentifier = () => this.#hostIdentifier();
    this.#loggers = new Loggers({
      flags,
      log: this.#log,
      registry: this.#registry,
      hostIdentifier,
      call: (registry, item, request) => this.#callExtension(registry, item, request),
      write: stdout,
    });
    this.#events = new FileEvents(clock, (json) => void this.#loggers.event(json));
    this.#plugins = new CorePlugins({
      config: this.#config,
      engine: this.#engine,
      flags,
      lock: this.#lock,
      log: this.#log,
      loggers: this.#loggers,
      registry: this.#registry,
      callExtension: (registry, item, request) => this.#callExtension(registry, item, request),
      configured: () => this.#configured(),
    });
    this.#runner = new QueryRunner({
      clock,
      config: this.#config,
      engine: this.#engine,
      flags,
      log: this.#log,
      loggers: this.#loggers,
      store: this.#store,
      hostIdentifier,
      eventsFor: (table, query) => (table.name === 'file_events' ? this.#events.table(query) : table),
      fail: (message) => this.#fail(message),
    });
    const interval = flags.number('extensions_interval') * 1000;
    this.#watcher = new ExtensionWatcher({
      clock,
      log: this.#log,
      registry: this.#registry,
      intervalMs: interval > 0 ? interval : 200,
      latencyMs: flags.number('extensions_timeout') * 1000,
    });
    this.#log.verbose('init.cpp', 413, `osquery initialized [version=${VERSION}]`);
    this.#autoload = new Autoload({ clock, flags, log: this.#log, pid });
    this.#server = new ManagerServer(this.#api());
    this.#attachTables();
  }

  /** Ends when osqueryd does, with its exit code. */
  get ended(): Promise<number> {
    return this.#ended.promise;
  }

  /** Opens the socket and starts the parts in osqueryd's order; what fails there ends it with 78. */
  async start(): Promise<void> {
    const { flags } = this.#options;
    try {
      if (!flags.bool('disable_extensions')) await this.#openSocket();
      if (this.#autoload.isManaging) this.#running.push(this.#autoload.run(this.#abort.signal));
      await this.#requireExtensions();
      if (!(await this.#activate('config', flags.list('config_plugin')))) return;
      await this.#loadConfig();
      if (!(await this.#activate('logger', flags.list('logger_plugin')))) return;
      await this.#loggers.start();
      const distributed = flags.bool('disable_distributed') ? [] : flags.list('distributed_plugin');
      if (!(await this.#activate('distributed', distributed))) return;
      this.#startServices();
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
    }
  }

  /** The orderly end, as SIGTERM asks for it. */
  stop(code = 0): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#abort.abort();
    void this.#finish(code);
  }

  async #openSocket(): Promise<void> {
    // Leftovers of a former osqueryd on this path, sockets of living extensions among them (s21).
    for (const path of globSync(`${this.#socket}.*`)) rmSync(path, { force: true });
    if (existsSync(this.#socket)) {
      if (await ping(this.#socket, 1000))
        throw new Error(`Cannot create extension socket: ${this.#socket}: in use`);
      rmSync(this.#socket, { force: true });
    }
    await this.#server.listen(this.#socket);
    this.#log.verbose('interface.cpp', 299, `Extension manager service starting: ${this.#socket}`);
    this.#running.push(this.#watcher.run(this.#abort.signal));
  }

  async #requireExtensions(): Promise<void> {
    const { clock, flags } = this.#options;
    const limit = clock.now() + flags.number('extensions_timeout') * 1000;
    for (const name of flags.list('extensions_require')) {
      for (;;) {
        const extension = this.#registry.byName(name);
        // Asked twice, as osqueryd does (s01).
        if (extension && (await ping(extension.socket)) && (await ping(extension.socket))) break;
        if (clock.now() >= limit || this.#abort.signal.aborted) {
          this.#log.warning('extensions.cpp', 574, `Required extension not found or not loaded: ${name}`);
          break;
        }
        await clock.sleep(20, this.#abort.signal);
      }
    }
  }

  /** Whether all plugins are there; with autoloaded extensions they have until the time-out. */
  async #activate(registry: string, names: readonly string[]): Promise<boolean> {
    const { clock, flags } = this.#options;
    const limit = clock.now() + (this.#autoload.isManaging ? flags.number('extensions_timeout') * 1000 : 0);
    for (const name of names) {
      for (;;) {
        const route = this.#registry.route(registry, name);
        if (route?.kind === 'core') break;
        if (
          route &&
          (await ping(route.extension.socket)) &&
          (await waitUntilActive(clock, route.extension.socket, 0))
        )
          break;
        if (this.#abort.signal.aborted) return false;
        if (clock.now() >= limit) {
          const reason = route
            ? `Extension socket not available: ${route.extension.socket}`
            : `Unknown registry plugin: ${name}`;
          this.#fail(`Cannot activate ${name} ${registry} plugin: ${reason}`);
          return false;
        }
        await clock.sleep(20, this.#abort.signal);
      }
    }
    return true;
  }

  async #loadConfig(): Promise<void> {
    const plugin = this.#options.flags.text('config_plugin');
    const { status, response } = await this.#plugins.call('config', plugin, { action: 'genConfig' });
    if (status.code !== 0) {
      this.#config.loaded = true;
      this.#log.warning('init.cpp', 559, `Error reading config: ${status.message}`);
      return;
    }
    await this.#lock.hold(async () => {
      try {
        await this.#config.update(new Map(Object.entries(response[0] ?? {})));
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        this.#log.warning('init.cpp', 559, `Error reading config: ${error.message}`);
      }
      this.#config.loaded = true;
      this.#configured();
    });
  }

  #startServices(): void {
    const { clock, flags } = this.#options;
    const { signal } = this.#abort;
    if (flags.bool('disable_distributed')) {
      this.#log.verbose(
        'main.cpp',
        104,
        'Not starting the distributed query service: Distributed query service not enabled.',
      );
    } else {
      this.#running.push(this.#distributed().run(signal));
    }
    if (flags.number('config_refresh') > 0) this.#running.push(this.#refreshConfig());
    const scheduler = new Scheduler({
      clock,
      config: this.#config,
      lock: this.#lock,
      log: this.#log,
      loggers: this.#loggers,
      maxDriftMs: flags.number('schedule_max_drift') * 1000,
      launch: (entry) => this.#runner.launch(entry),
    });
    this.#running.push(scheduler.run(signal));
  }

  async #refreshConfig(): Promise<void> {
    const { clock, flags } = this.#options;
    const { signal } = this.#abort;
    for (;;) {
      await clock.sleep(flags.number('config_refresh') * 1000, signal);
      if (signal.aborted) return;
      this.#log.verbose('config.cpp', 1337, 'Refreshing configuration state');
      await this.#loadConfig();
    }
  }

  #distributed(): Distributed {
    const { clock, flags } = this.#options;
    return new Distributed({
      clock,
      engine: this.#engine,
      flags,
      log: this.#log,
      query: async (sql) => (await this.#engine.query(sql, { locked: (work) => this.#lock.hold(work) })).rows,
      call: (item, request) => this.#callExtension('distributed', item, request),
    });
  }

  #configured(): void {
    const { clock, flags } = this.#options;
    const watches = flags.bool('enable_file_events') && !flags.bool('disable_events');
    this.#events.configure(watches ? this.#config.filePaths() : new Map());
    this.#store.purge(new Set(this.#config.schedule().map((entry) => entry.name)), unixTime(clock));
  }

  async #callExtension(registry: string, item: string, request: StringMap): Promise<ExtensionResponse> {
    const route = this.#registry.route(registry, item);
    if (route?.kind !== 'extension') {
      return { status: failure(`Cannot call registry item: ${item}`), response: [] };
    }
    const timeout = this.#options.flags.number('thrift_timeout') * 1000;
    return await callPlugin(route.extension.socket, registry, item, request, timeout);
  }

  #hostIdentifier(): string {
    const { flags } = this.#options;
    switch (flags.text('host_identifier')) {
      case 'specified':
        return flags.text('specified_identifier');
      case 'uuid':
        return this.#kept('uuid');
      case 'instance':
        return this.#kept('instance_id');
      case 'ephemeral':
        return this.#kept('ephemeral');
      default:
        return this.#options.hostName;
    }
  }

  /** A uuid that is made once and kept in the database. */
  #kept(name: string): string {
    const known = this.#store.setting(name);
    if (known !== undefined) return known;
    const fresh = name === 'uuid' ? hostUuid(this.#options.randomUuid) : this.#options.randomUuid();
    this.#store.setSetting(name, fresh);
    return fresh;
  }

  #attachTables(): void {
    const { clock, flags, pid } = this.#options;
    const uuid = this.#kept('uuid');
    const own = osqueryTables({
      config: this.#config,
      flags,
      registry: this.#registry,
      pid,
      hostUuid: uuid,
      instanceId: this.#kept('instance_id'),
      startTime: unixTime(clock),
      managerSocket: this.#socket,
      performance: (name) => this.#runner.performance(name),
    });
    const tables = [
      ...[processes, users, groups, listeningPorts, processOpenSockets, interfaceAddresses, interfaceDetails],
      ...[mounts, osVersion, systemInfo(uuid), uptime, time(clock), loadAverage, file, this.#events.table()],
      ...own,
    ];
    for (const table of tables) {
      this.#engine.attach(table);
      this.#coreTables.push(table.name);
    }
  }

  #api(): ManagerApi {
    return {
      ping: () => ({ code: 0, message: 'pong', uuid: 0 }),
      call: (registry, item, request) => this.#plugins.call(registry, item, request),
      extensions: () => new Map(this.#registry.extensions.map(({ info, uuid }) => [uuid, info])),
      options: () => this.#options.flags.entries(),
      registerExtension: (info, broadcast) => this.#registry.register(info, broadcast),
      deregisterExtension: (uuid) => this.#registry.deregister(uuid),
      query: async (sql) => {
        try {
          const { rows } = await this.#engine.query(sql, { locked: (work) => this.#lock.hold(work) });
          return { status: success(), response: rows.map(rowText) };
        } catch (error) {
          return { status: failure(error instanceof Error ? error.message : String(error)), response: [] };
        }
      },
      getQueryColumns: (sql) => {
        try {
          const columns = this.#engine.columns(sql);
          return { status: success(), response: columns.map(({ name, type }) => ({ [name]: type })) };
        } catch (error) {
          return { status: failure(error instanceof Error ? error.message : String(error)), response: [] };
        }
      },
    };
  }

  #fail(message: string): void {
    if (this.#ending) return;
    this.#log.error('shutdown.cpp', 80, message);
    this.stop(CATASTROPHIC);
  }

  async #finish(code: number): Promise<void> {
    await this.#watcher.shutdownAll(2000);
    await this.#autoload.stop();
    await this.#server.close();
    this.#events.close();
    this.#store.close();
    for (const path of [this.#socket, ...globSync(`${this.#socket}.*`)]) rmSync(path, { force: true });
    this.#ended.resolve(code);
  }
}
