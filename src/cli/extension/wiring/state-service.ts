import type { Recovered } from '../../../../actors/extension.machine.ts';
import type { BroLinks } from '../../../conversation/bro-links.ts';
import type { Courier, SenderStatus } from '../../../delivery/courier.ts';
import type { Deliverables } from '../../../delivery/deliverables.ts';
import type { DeliveryCounts } from '../../../delivery/delivery-counts.ts';
import { readHeartbeat } from '../../../delivery/heartbeat-store.ts';
import type { ImmediateEvents } from '../../../delivery/immediate-events.ts';
import { MissedResults } from '../../../delivery/missed-results.ts';
import { EventLogHandle } from '../../../event-log/event-log-handle.ts';
import type { ManagerClient } from '../../../osquery/manager-client.ts';
import type { OsqueryOption } from '../../../osquery/manager-values.ts';
import { resultLogs } from '../../../osquery/result-log-store.ts';
import { OwnQueries } from '../../../query/own-queries-client.ts';
import { initialState, type ScheduleState, subscriptions } from '../../../schedule/schedule.ts';
import type { SystemLogOptions } from '../../../zeek-agent/system-log-client.ts';
import type { ExtensionContext } from '../extension-context.ts';
import type { CooperativeScheduler } from '../ports/cooperative-scheduler.ts';
import { createDelivery, type Delivery } from '../ports/deliver.ts';
import { closeState, openState, recoveredFrom, type State, stateDirectory } from '../ports/state.ts';
import type { KnownHost } from './known-host.ts';

/** What there is once the state directory is open. */
export interface Opened {
  readonly state: State;
  readonly delivery: Delivery;
  readonly missed: MissedResults;
  readonly ownQueries: OwnQueries;
}

export interface StateParts {
  /** `--state-dir` of our own command line. */
  readonly flag: string | undefined;
  readonly links: BroLinks;
  /** Empty: what is delivered is known once the log is. */
  readonly deliverables: Deliverables;
  readonly immediate: ImmediateEvents;
  readonly scheduler: CooperativeScheduler;
  readonly known: KnownHost;
  readonly client: () => ManagerClient;
  readonly systemLog: SystemLogOptions;
  /** osqueryd's flags. */
  readonly flags: () => ReadonlyMap<string, OsqueryOption>;
}

/** The state directory and what lives on it, from its opening to its closing. */
export class StateService {
  readonly #context: ExtensionContext;
  readonly #parts: StateParts;
  readonly #opening = Promise.withResolvers<Opened>();
  #opened: Opened | undefined;
  readonly eventLog = new EventLogHandle();

  constructor(context: ExtensionContext, parts: StateParts) {
    this.#context = context;
    this.#parts = parts;
    // Whoever waits for it hears of a failure; nobody may.
    this.#opening.promise.catch(() => {});
  }

  /** Rejects where it can't be opened. */
  get whenOpen(): Promise<Opened> {
    return this.#opening.promise;
  }

  get opened(): Opened | undefined {
    return this.#opened;
  }

  /** The schedule that was found there; before that nothing is scheduled. */
  readonly recovered = (): ScheduleState => this.#opened?.state.eventLog.report.state ?? initialState();

  readonly directory = (): string =>
    this.#opened?.state.directory ?? stateDirectory(this.#context, this.#parts.flag);

  readonly courier = (): Courier => this.#inService().delivery.courier;
  readonly ownQueries = (): OwnQueries => this.#inService().ownQueries;
  readonly lastOwnRuns = () => this.#opened?.ownQueries.lastRuns() ?? [];
  readonly delivery = (): Delivery => this.#inService().delivery;
  readonly counts = (): readonly DeliveryCounts[] => this.#opened?.delivery.courier.counts() ?? [];
  readonly senders = (): readonly SenderStatus[] => this.#opened?.delivery.courier.senders() ?? [];
  readonly lastSeq = (): number => this.#opened?.state.eventLog.seq ?? 0;

  /** Opens it, and has what lives on it follow the schedule and the configuration from then on. */
  async open(): Promise<Recovered> {
    try {
      const state = await openState(this.#context, this.directory());
      const heartbeat = (await readHeartbeat(state.directory)) ?? null;
      const opened = this.#follow(state);
      this.#opened = opened;
      this.eventLog.opened(state.eventLog);
      opened.delivery.courier.start();
      this.#opening.resolve(opened);
      return { ...recoveredFrom(this.#context, state), heartbeat };
    } catch (error) {
      this.#opening.reject(error);
      throw error;
    }
  }

  /** Runs the queries again that osquery has no tables for. */
  async startOwnQueries(): Promise<void> {
    await this.ownQueries().start(subscriptions(this.recovered()));
  }

  async close(): Promise<void> {
    if (!this.#opened) return;
    this.#opened.ownQueries.stop();
    await this.#opened.delivery.courier.stop();
    await closeState(this.#opened.state);
  }

  #follow(state: State): Opened {
    const { deliverables, immediate, known, flags } = this.#parts;
    const { bus, log, runtime } = this.#context;
    deliverables.take({ added: subscriptions(state.eventLog.report.state), removed: [] });
    // Each knows of the change before those that look it up there.
    bus.on('schedule.changed', deliverables.take);
    bus.on('schedule.changed', immediate.take);
    const delivery = createDelivery(this.#context, { ...this.#parts, host: known.host, state });
    const { courier } = delivery;
    const ownQueries = new OwnQueries({
      ...{ client: this.#parts.client(), courier, directory: state.directory, host: known.host },
      ...{ systemLog: this.#parts.systemLog, now: runtime.now, log, ownLog: this.#context.ownLog },
      onFailed: (name, text) => bus.publish({ type: 'osquery.query-failed', name, text }),
      onWorks: (name) => bus.publish({ type: 'osquery.query-works', name }),
    });
    bus.on('schedule.changed', ownQueries.take);
    const peers = known.peers();
    if (peers) courier.retain(peers);
    bus.on('osquery.configured', (message) => courier.retain(message.peers));
    const { marks } = state.marks;
    const missed = new MissedResults({ resultLogs, log, courier, marks, deliverables, flags });
    return { state, delivery, missed, ownQueries };
  }

  #inService(): Opened {
    if (!this.#opened) throw new Error('the state directory is not open');
    return this.#opened;
  }
}
