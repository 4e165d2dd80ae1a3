import { existsSync, globSync, rmSync } from 'node:fs';
import { reasonOf } from '../../text/reason.ts';
import { Activation } from './activation.ts';
import { Autoload } from './autoload.ts';
import { type Clock, unixTime } from './clock.ts';
import { Config } from './config/config.ts';
import { ConfigSource } from './config/config-source.ts';
import { CorePlugins } from './core-plugins.ts';
import { Denylist } from './denylist.ts';
import { Distributed } from './distributed.ts';
import { callPlugin, ping } from './extension-link.ts';
import { FileEvents } from './file-events.ts';
import type { Flags } from './flags.ts';
import { HostIdentity } from './host-identity.ts';
import { Loggers } from './logging/loggers.ts';
import { StatusLog } from './logging/status-log.ts';
import { managerApi } from './manager-api.ts';
import { ManagerServer } from './manager-server.ts';
import { QueryRunner } from './query-runner.ts';
import { QueryStore } from './query-store.ts';
import { Registry } from './registry.ts';
import { ScheduleLock } from './schedule-lock.ts';
import { Scheduler } from './scheduler.ts';
import { SqlEngine } from './sql/engine.ts';
import { coreTables } from './tables/core-tables.ts';
import { extensionTable } from './tables/extension-table.ts';
import { type ExtensionResponse, failure, type StringMap } from './thrift/messages.ts';
import { VERSION } from './version.ts';
import { ExtensionWatcher } from './watcher.ts';

/** Exit code of an osqueryd that can't go on (EXIT_CATASTROPHIC). */
export const CATASTROPHIC = 78;

/** How long an extension has to answer `shutdown`. */
const SHUTDOWN_TIMEOUT_MS = 2000;

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
  readonly #clock: Clock;
  readonly #flags: Flags;
  readonly #socket: string;
  readonly #abort = new AbortController();
  readonly #ended = Promise.withResolvers<number>();
  readonly #running: Promise<void>[] = [];
  readonly #lock = new ScheduleLock();
  readonly #engine = new SqlEngine();
  readonly #log: StatusLog;
  readonly #store: QueryStore;
  readonly #registry: Registry;
  readonly #config: Config;
  readonly #loggers: Loggers;
  readonly #configSource: ConfigSource;
  readonly #events: FileEvents;
  readonly #watcher: ExtensionWatcher;
  readonly #autoload: Autoload;
  readonly #activation: Activation;
  readonly #scheduler: Scheduler;
  readonly #server: ManagerServer;
  #ending = false;

  constructor(options: OsquerydOptions) {
    const { clock, flags, pid, random, stderr, stdout } = options;
    this.#clock = clock;
    this.#flags = flags;
    this.#socket = flags.text('extensions_socket');
    const { signal } = this.#abort;
    const engine = this.#engine;
    const lock = this.#lock;
    const log = newLog(options, stderr);
    const inMemory = flags.bool('ephemeral') || flags.bool('disable_database');
    const store = new QueryStore(inMemory ? undefined : flags.text('database_path'));
    const identity = new HostIdentity({ ...options, store });
    const hostIdentifier = () => identity.identifier();
    const denylist = new Denylist(store);
    const failed = denylist.takeOver(unixTime(clock), !flags.bool('disable_watchdog'));
    if (failed !== undefined) log.warning('config.cpp', 363, `Scheduled query may have failed: ${failed}`);
    const callExtension = (registry: string, item: string, request: StringMap) =>
      this.#callExtension(registry, item, request);
    const tables: string[] = [];
    const registry = new Registry({
      log,
      managerSocket: this.#socket,
      random,
      coreTables: () => tables,
      attachTable: (name, routes) =>
        engine.attach(extensionTable(name, routes, (item, request) => callExtension('table', item, request))),
      detachTable: (name) => engine.detach(name),
    });
    const config = new Config({
      flags,
      log,
      splays: store,
      random,
      discover: (sql) => this.#hasRows(sql),
      fetchPack: (name, value) => this.#configSource.fetchPack(name, value),
    });
    const loggers = new Loggers({ flags, log, registry, hostIdentifier, call: callExtension, write: stdout });
    const events = new FileEvents(clock, (json) => void loggers.event(json));
    const configured = () => this.#configured();
    const plugins = new CorePlugins({
      ...{ config, engine, flags, lock, log, loggers, registry },
      callExtension,
      configured,
    });
    this.#configSource = new ConfigSource({ clock, flags, log, lock, config, plugins, configured });
    const runner = new QueryRunner({
      ...{ clock, config, denylist, engine, flags, log, loggers, store, hostIdentifier },
      eventsFor: (table, query) => (table.name === 'file_events' ? events.table(query) : table),
      fail: (message) => this.#fail(message),
    });
    const interval = flags.number('extensions_interval') * 1000;
    const latencyMs = flags.number('extensions_timeout') * 1000;
    this.#watcher = new ExtensionWatcher({
      clock,
      log,
      registry,
      intervalMs: interval > 0 ? interval : 200,
      latencyMs,
    });
    this.#autoload = new Autoload({ clock, flags, log });
    this.#activation = new Activation({
      clock,
      flags,
      log,
      registry,
      signal,
      isManaging: this.#autoload.isManaging,
    });
    const maxDriftMs = flags.number('schedule_max_drift') * 1000;
    const launch = runner.launch.bind(runner);
    this.#scheduler = new Scheduler({ clock, config, lock, log, loggers, maxDriftMs, launch });
    this.#server = new ManagerServer(managerApi({ engine, flags, lock, plugins, registry }));
    const own = coreTables(clock, events, {
      ...{ config, flags, registry, pid },
      hostUuid: identity.uuid(),
      instanceId: identity.instanceId(),
      startTime: unixTime(clock),
      managerSocket: this.#socket,
      performance: (name) => runner.performance(name),
      isDenied: (entry) => runner.isDenied(entry),
    });
    for (const table of own) {
      engine.attach(table);
      tables.push(table.name);
    }
    this.#log = log;
    this.#store = store;
    this.#registry = registry;
    this.#config = config;
    this.#loggers = loggers;
    this.#events = events;
  }

  /** Ends when osqueryd does, with its exit code. */
  get ended(): Promise<number> {
    return this.#ended.promise;
  }

  /** Opens the socket and starts the parts in osqueryd's order; what fails there ends it with 78. */
  async start(): Promise<void> {
    const flags = this.#flags;
    try {
      if (!flags.bool('disable_extensions')) await this.#openSocket();
      if (this.#autoload.isManaging) this.#keep(this.#autoload.run(this.#abort.signal));
      await this.#activation.requireExtensions();
      if (!(await this.#activate('config', 'config_plugin'))) return;
      await this.#configSource.load();
      if (!(await this.#activate('logger', 'logger_plugin'))) return;
      await this.#loggers.start();
      if (!flags.bool('disable_distributed') && !(await this.#activate('distributed', 'distributed_plugin')))
        return;
      this.#startServices();
    } catch (error) {
      this.#fail(reasonOf(error));
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
    if (existsSync(this.#socket)) {
      if (await ping(this.#socket, 1000)) throw new Error(`Extension socket is in use: ${this.#socket}`);
      rmSync(this.#socket, { force: true });
    }
    // Leftovers of a former osqueryd on this path, sockets of living extensions among them (s21).
    for (const path of globSync(`${this.#socket}.*`)) rmSync(path, { force: true });
    await this.#server.listen(this.#socket);
    this.#log.verbose('interface.cpp', 299, `Extension manager service starting: ${this.#socket}`);
    this.#keep(this.#watcher.run(this.#abort.signal));
  }

  async #activate(registry: string, flag: string): Promise<boolean> {
    const refusal = await this.#activation.activate(registry, this.#flags.list(flag));
    if (refusal !== undefined) this.#fail(refusal);
    return refusal === undefined;
  }

  /** Whether a pack's discovery query has rows; one that fails has none. */
  async #hasRows(sql: string): Promise<boolean> {
    try {
      return (await this.#engine.query(sql)).rows.length > 0;
    } catch (error) {
      this.#log.error('packs.cpp', 345, `Discovery query failed: ${sql}: ${String(error)}`);
      return false;
    }
  }

  #startServices(): void {
    const { signal } = this.#abort;
    if (this.#flags.bool('disable_distributed')) {
      const reason = 'Distributed query service not enabled.';
      this.#log.verbose('main.cpp', 104, `Not starting the distributed query service: ${reason}`);
    } else {
      this.#keep(this.#distributed().run(signal));
    }
    if (this.#flags.number('config_refresh') > 0) this.#keep(this.#configSource.refresh(signal));
    this.#keep(this.#scheduler.run(signal));
  }

  #distributed(): Distributed {
    return new Distributed({
      clock: this.#clock,
      engine: this.#engine,
      flags: this.#flags,
      log: this.#log,
      query: async (sql) => (await this.#engine.query(sql, { locked: (work) => this.#lock.hold(work) })).rows,
      call: (item, request) => this.#callExtension('distributed', item, request),
    });
  }

  #configured(): void {
    const watches = this.#flags.bool('enable_file_events') && !this.#flags.bool('disable_events');
    this.#events.configure(watches ? this.#config.filePaths() : new Map());
    this.#store.purge(new Set(this.#config.schedule().map((entry) => entry.name)), unixTime(this.#clock));
  }

  async #callExtension(registry: string, item: string, request: StringMap): Promise<ExtensionResponse> {
    const route = this.#registry.route(registry, item);
    if (route?.kind !== 'extension') {
      return { status: failure(`Cannot call registry item: ${item}`), response: [] };
    }
    const timeout = this.#flags.number('thrift_timeout') * 1000;
    return await callPlugin(route.extension.socket, registry, item, request, timeout);
  }

  /** A service that runs until the end; it failing is the end. */
  #keep(service: Promise<void>): void {
    this.#running.push(service.catch((error: unknown) => this.#fail(String(error))));
  }

  #fail(message: string): void {
    if (this.#ending) return;
    this.#log.error('shutdown.cpp', 80, message);
    this.stop(CATASTROPHIC);
  }

  async #finish(code: number): Promise<void> {
    await this.#watcher.shutdownAll(SHUTDOWN_TIMEOUT_MS);
    await this.#autoload.stop();
    const inTime = await this.#servicesEnd();
    await this.#server.close();
    this.#events.close();
    this.#store.close();
    for (const path of [this.#socket, ...globSync(`${this.#socket}.*`)]) rmSync(path, { force: true });
    this.#ended.resolve(inTime ? code : CATASTROPHIC);
  }

  /** Whether all services ended before osqueryd's alarm; one that waits for a dumb extension doesn't. */
  async #servicesEnd(): Promise<boolean> {
    const alarm = new AbortController();
    const ended = Promise.all(this.#running).then(() => true);
    const late = this.#clock
      .sleep(this.#flags.number('alarm_timeout') * 1000, alarm.signal)
      .then(() => false);
    const inTime = await Promise.race([ended, late]);
    alarm.abort();
    return inTime;
  }
}

function newLog({ clock, flags, pid }: OsquerydOptions, write: (text: string) => void): StatusLog {
  const log = new StatusLog({
    clock,
    pid,
    verbose: () => flags.bool('verbose'),
    minStatus: () => flags.number('logger_min_status'),
    write: (text) => {
      if (flags.bool('logger_stderr')) write(text);
    },
  });
  log.verbose('init.cpp', 413, `osquery initialized [version=${VERSION}]`);
  return log;
}
