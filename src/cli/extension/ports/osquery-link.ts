import { existsSync } from 'node:fs';
import { fromCallback, fromPromise } from 'xstate';
import type { Configured, Registered, WatchEvent } from '../../../../actors/osquery-core.machine.ts';
import type { ExtensionHandlers } from '../../../osquery/extension-connection.ts';
import { flagAdvice } from '../../../osquery/flag-advice.ts';
import { createManagerClient, type ManagerClient } from '../../../osquery/manager-client.ts';
import type { OsqueryOption } from '../../../osquery/manager-values.ts';
import { OsqueryError } from '../../../osquery/osquery-error.ts';
import { Registration } from '../../../osquery/registration-client.ts';
import { ScheduleUpdater } from '../../../osquery/schedule-updater.ts';
import { ScheduleWatch } from '../../../osquery/schedule-watch.ts';
import { isPipe } from '../../../text/local-socket.ts';
import { reasonOf } from '../../../text/reason.ts';
import type { Host } from '../../../vocabulary/model.ts';
import type { ExtensionContext } from '../extension-context.ts';
import type { CooperativeScheduler } from './cooperative-scheduler.ts';
import { watchOsquery } from './osquery-watch.ts';
import { ConfigReader } from './read-config.ts';

export interface OsqueryLinkOptions {
  /** `--extensions_socket` of osqueryd. */
  readonly socket: string;
  /** `--config` of our own command line. */
  readonly configFile: string | undefined;
  /** `--state-dir` of our own command line. */
  readonly stateDirectory: string | undefined;
  /** Milliseconds between two looks at the manager. */
  readonly interval: number;
  readonly handlers: ExtensionHandlers;
  readonly scheduler: CooperativeScheduler;
  /** Called when osqueryd has come to know us, before it can call. */
  readonly onRegister: () => void;
  readonly describeHost: (client: ManagerClient) => Promise<Host>;
  readonly attendance: Attendance;
  /** Called at each look at its schedule with when osquery last ran our queries, by name. */
  readonly onRuns: (runs: ReadonlyMap<string, number>) => void;
}

/** Whoever wants to know whether osquery knows us: while it lives and does not, what it finds is lost. */
export interface Attendance {
  /** It does: called at a registration, and at each look. */
  seen(): void;
  /** It does no more, and lives. */
  forgotten(): void;
  /** osqueryd is no more. */
  gone(): void;
}

/** The life with osqueryd's manager: the client, our own socket, and the ports of the machine `osquery-core`. */
export class OsqueryLink {
  readonly client: ManagerClient;
  readonly schedule: ScheduleWatch;
  readonly updater: ScheduleUpdater;
  readonly config: ConfigReader;
  readonly #context: ExtensionContext;
  readonly #options: OsqueryLinkOptions;
  readonly #registration: Registration;
  #flags: ReadonlyMap<string, OsqueryOption> = new Map();
  #registered = Promise.withResolvers<void>();
  #refresh: (() => void) | undefined;
  #onShutdown: (() => void) | undefined;
  #runsOn = false;
  /** Whether the osqueryd that we are, or were last, registered with told us that it ends. */
  #told = false;
  #wasTold = false;
  #advice: readonly string[] = [];
  /** Why osqueryd could not be reached at the last attempt; empty where it was. */
  #waitsFor = '';

  constructor(context: ExtensionContext, options: OsqueryLinkOptions) {
    this.#context = context;
    this.#options = options;
    this.client = createManagerClient({ path: options.socket });
    this.#registration = new Registration({
      ...{ client: this.client, socket: options.socket, version: context.version },
      ...{ handlers: options.handlers, onRequest: options.scheduler.beginCall },
      report: ({ kind, message }) => context.log.warn({ area: 'osquery', kind }, message),
    });
    this.schedule = new ScheduleWatch(this.client);
    this.updater = new ScheduleUpdater({
      ...{ client: this.client, watch: this.schedule, nonce: context.runtime.uuid, log: context.log },
    });
    this.config = new ConfigReader(context, {
      client: this.client,
      file: options.configFile,
      stateDirectory: options.stateDirectory,
    });
  }

  get flags(): ReadonlyMap<string, OsqueryOption> {
    return this.#flags;
  }

  /** Resolves when osqueryd knows us; already, if it does. */
  registered(): Promise<void> {
    return this.#registered.promise;
  }

  /** Reads configuration and host again now. */
  refresh(): void {
    this.#refresh?.();
  }

  /** Whether osqueryd may still run queries of ours: it did not say that it has dropped them. */
  get runsOn(): boolean {
    return this.#runsOn;
  }

  /** Whether the osqueryd before this one told us that it ends. */
  get wasTold(): boolean {
    return this.#wasTold;
  }

  /** osqueryd told us to end, because it does. */
  shutdownAsked(): void {
    this.#runsOn = false;
    this.#told = true;
    this.#onShutdown?.();
  }

  async close(): Promise<void> {
    await this.#registration.close();
    this.client.close();
  }

  attach = fromPromise<{ readonly version: string }, undefined>(async () => {
    try {
      const { socket } = this.#options;
      if (!isPipe(socket) && !existsSync(socket))
        throw new Error(
          `${socket} does not exist: osqueryd is not running, or has another --extensions_socket`,
        );
      this.#flags = await this.client.options();
    } catch (error) {
      this.#logWaiting(reasonOf(error));
      throw error;
    }
    this.#waitsFor = '';
    return { version: this.#flags.get('version')?.value ?? '' };
  });

  /** It is tried twice a second: each reason is logged once. */
  #logWaiting(reason: string): void {
    if (reason === this.#waitsFor) return;
    this.#waitsFor = reason;
    this.#context.log.warn({ area: 'osquery' }, `waiting for osqueryd: ${reason}`);
  }

  configure = fromPromise<Configured, undefined>(async () => (await this.config.read(this.#flags)).result);

  register = fromPromise<Registered, undefined>(async () => {
    const { settings, log } = this.#context;
    const answer = await this.#registration.register(settings().tables, this.#options.onRegister);
    if (answer.outcome === 'duplicate') return answer;
    const { uuid } = answer;
    log.info({ area: 'osquery', uuid }, `registered with osqueryd on ${this.#options.socket}`);
    this.#advise();
    this.#runsOn = true;
    this.#wasTold = this.#told;
    this.#told = false;
    this.#options.attendance.seen();
    this.#registered.resolve();
    return { outcome: 'registered', uuid: String(uuid) };
  });

  watch = fromCallback<{ type: 'none' }, { readonly uuid: string }, WatchEvent>(({ sendBack }) => {
    const { attendance, interval, describeHost } = this.#options;
    const watch = watchOsquery(this.#context, {
      client: this.client,
      standing: () => this.#registration.standing(),
      interval,
      schedule: this.schedule,
      readConfig: () => this.config.read(this.#flags),
      describeHost: () => describeHost(this.client),
      onSeen: () => attendance.seen(),
      onRuns: this.#options.onRuns,
      onLost: (reason, isGone) => {
        this.#runsOn = !isGone;
        if (isGone) attendance.gone();
        else attendance.forgotten();
        this.#registered = Promise.withResolvers<void>();
        this.#context.log.warn({ area: 'osquery' }, reason);
        sendBack({ type: 'watch.lost', reason });
      },
      send: sendBack,
    });
    this.#refresh = watch.refresh;
    this.#onShutdown = () => sendBack({ type: 'watch.shutdown' });
    return () => {
      this.#refresh = undefined;
      this.#onShutdown = undefined;
      watch.stop();
    };
  });

  deregister = fromPromise<void, { readonly uuid: string }>(async () => {
    const { log } = this.#context;
    try {
      await this.#registration.deregister(() => {
        this.#runsOn = false;
      });
    } catch (error) {
      if (!(error instanceof OsqueryError)) throw error;
      log[this.#runsOn ? 'warn' : 'debug']({ area: 'osquery' }, error.message);
    }
  });

  get ports() {
    const { attach, configure, register, watch, deregister } = this;
    return { attach, configure, register, watch, deregister };
  }

  /** Says what osqueryd's flags keep from working, once. */
  #advise(): void {
    const advice = flagAdvice(this.#flags, this.#context.settings());
    for (const text of advice) {
      if (!this.#advice.includes(text)) this.#context.log.warn({ area: 'osquery' }, text);
    }
    this.#advice = advice;
  }
}
