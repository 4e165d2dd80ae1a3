import { type AnyActorRef, createActor, fromPromise, type InspectionEvent } from 'xstate';
import type { ExtensionOutput, Recovered } from '../../../../actors/extension.machine.ts';
import type { Append, Appended } from '../../../../actors/schedule-manager.machine.ts';
import { systemClock } from '../../../broker/system-clock.ts';
import type { ConversationRecord } from '../../../conversation/record.ts';
import type { Courier, SenderStatus } from '../../../delivery/courier.ts';
import { Deliverables } from '../../../delivery/deliverables.ts';
import type { DeliveryCounts } from '../../../delivery/delivery-counts.ts';
import { ImmediateEvents } from '../../../delivery/immediate-events.ts';
import { DistributedExecutions } from '../../../osquery/distributed-executions.ts';
import { createEventRowMatcher } from '../../../osquery/event-row-store.ts';
import { isEventTable } from '../../../osquery/event-tables.ts';
import { fetchesQueries } from '../../../osquery/flag-advice.ts';
import { createTableAccessReader, type TableLookup } from '../../../osquery/table-access-store.ts';
import { lookUpTable } from '../../../osquery/table-columns.ts';
import { subscriptions } from '../../../schedule/schedule.ts';
import type { Host } from '../../../vocabulary/model.ts';
import { HostFactsReader } from '../../../zeek-agent/host-facts-client.ts';
import type { ExtensionContext } from '../extension-context.ts';
import { logBlockedRequests } from '../observation/blocked-requests.ts';
import { tableAnswers } from '../observation/bro-table-rows.ts';
import { LinkHistory } from '../observation/link-history.ts';
import type { MetricsAddress } from '../observation/metrics-server.ts';
import { serveObservers } from '../observation/observers.ts';
import { peerStatuses } from '../observation/peer-status.ts';
import { watchForSameZeek } from '../observation/same-zeek.ts';
import { statusOf } from '../observation/status-of.ts';
import type { StatusReport } from '../observation/status-report.ts';
import { Absence } from '../ports/absence.ts';
import { applySchedulePort } from '../ports/apply-schedule.ts';
import { connectionPort } from '../ports/bro-connection.ts';
import { BroLinks } from '../ports/bro-links.ts';
import { CatchUp } from '../ports/catch-up.ts';
import { CooperativeScheduler } from '../ports/cooperative-scheduler.ts';
import { deliveryPort } from '../ports/deliver.ts';
import { describeHost } from '../ports/describe-host.ts';
import { createDial } from '../ports/dial.ts';
import { OsqueryLink } from '../ports/osquery-link.ts';
import { Plugins } from '../ports/plugins.ts';
import { describePort, executePort } from '../ports/run-queries.ts';
import { Stalls } from '../ports/stalls.ts';
import { closeState, recoveredFrom, stateDirectory } from '../ports/state.ts';
import { StatusForwarder } from '../ports/status-forwarder.ts';
import { connectMachines } from './machines.ts';
import { type Opened, openAll } from './opened.ts';
import { ScheduleReader } from './schedule-reader.ts';
import { LINK_TIMING, osqueryTiming } from './timing.ts';

export interface RunOptions {
  /** `--extensions_socket` of osqueryd. */
  readonly socket: string;
  /** Milliseconds. */
  readonly timeout: number;
  readonly interval: number;
  readonly configFile: string | undefined;
  readonly stateDirectory: string | undefined;
  /** End when osqueryd stays away, since whoever started us starts us again. */
  readonly givesUp: boolean;
  readonly metrics?: MetricsAddress;
  readonly inspect?: (event: InspectionEvent) => void;
  /** Told of each step of the conversations with Zeeks. */
  readonly onConversation?: (record: ConversationRecord) => void;
  /** Given the machines right before they start. */
  readonly onSystem?: (system: RunningSystem) => void;
}

/** A running extension from inside, for whoever looks at it. */
export interface RunningSystem {
  readonly root: AnyActorRef;
  /** The state directory. */
  readonly directory: () => string;
  /** The number of the last fact in the event log; 0 until that is open. */
  readonly lastSeq: () => number;
  readonly counts: () => readonly DeliveryCounts[];
  readonly senders: () => readonly SenderStatus[];
  /** When osquery last ran each query of ours: milliseconds since the epoch, by name. */
  readonly lastRuns: () => Promise<ReadonlyMap<string, number>>;
}

/** A running extension. */
export interface RunningExtension {
  /** How it ended. */
  readonly ended: Promise<ExtensionOutput>;
  readonly signal: (name: string) => void;
  /** Reads configuration and host again. */
  readonly refresh: () => void;
}

/** Wires machines and ports: everybody is known here, and nowhere else. */
export function runExtension(context: ExtensionContext, options: RunOptions): RunningExtension {
  const { bus } = context;
  const links = new BroLinks();
  const scheduler = new CooperativeScheduler();
  const distributed = new DistributedExecutions();
  const status = new StatusForwarder(context, links);
  const history = new LinkHistory(bus);
  logBlockedRequests(context);
  watchForSameZeek(bus, (peer, other) =>
    context.log.warn(
      { area: 'bro', peer, other },
      'two of the configured addresses lead to the same Zeek, which may get everything twice: name one of them',
    ),
  );
  const startedAt = context.runtime.now();
  const opening = Promise.withResolvers<Opened>();
  // Whoever waits for it hears of a failure; nobody may.
  opening.promise.catch(() => {});
  let opened: Opened | undefined;
  let host: Host | undefined;
  /** The Bros of the last good configuration; undefined before there was one. */
  let peers: readonly string[] | undefined;
  bus.subscribe(['osquery.host', 'osquery.configured'], (message) => {
    if (message.type === 'osquery.host') host = message.host;
    if (message.type !== 'osquery.configured') return;
    peers = message.peers;
    if (opened) forgetOthers(opened.delivery.courier, peers);
  });

  const directory = () => opened?.state.directory ?? stateDirectory(context, options.stateDirectory);
  const schedule = new ScheduleReader(() => actor.system);
  const deliverables = new Deliverables(isEventTable);
  const counts = () => opened?.delivery.courier.counts() ?? [];
  const inService = (): Opened => {
    if (!opened) throw new Error('the state directory is not open');
    return opened;
  };

  const immediate = new ImmediateEvents({
    deliverables,
    createMatcher: createEventRowMatcher,
    now: context.runtime.now,
    log: context.log,
  });
  const absence = new Absence(context);
  const catchUp = new CatchUp({
    async take(waiting, signal) {
      const { missed } = await opening.promise;
      absence.took((await missed.take(waiting, signal)).doubt);
    },
    onCaughtUp: () => absence.caughtUp(),
  });
  const servers: { close(): void }[] = [];
  const report = (): StatusReport =>
    statusOf(context, {
      ...{ root: actor, links: history, startedAt, hostId: host?.id ?? '' },
      ...{
        schedule: schedule.state(),
        opened,
        logger: { ...plugins.tally, recovered: opened?.missed.rows ?? 0 },
      },
    });

  const stalls = new Stalls(systemClock, (milliseconds) => {
    context.log.warn(
      { area: 'osquery', seconds: Math.round(milliseconds / 1_000) },
      'this process has stood still; what osqueryd could not hand over meanwhile is looked for in its own log',
    );
    absence.stoodStill();
    catchUp.begin();
  });
  const plugins = new Plugins(context, {
    courier: opening.promise.then(({ delivery }) => delivery.courier),
    inOrder(line, take) {
      stalls.look();
      return catchUp.inOrder(line, take);
    },
    schedule: () => opening.promise.then(() => JSON.stringify(schedule.rendered().config)),
    executions: distributed,
    onStatus: (lines) => status.take(lines),
    wantsEvents: () => immediate.isWanted,
    onShutdown: () => osquery.shutdownAsked(),
    table: tableAnswers({
      schedule: schedule.state,
      peers: () =>
        peerStatuses(
          actor,
          context.settings().endpoints.map(({ peer }) => peer),
        ),
      counts,
      directory,
    }),
  });
  const osquery: OsqueryLink = new OsqueryLink(context, {
    socket: options.socket,
    configFile: options.configFile,
    stateDirectory: options.stateDirectory,
    interval: options.interval,
    describeHost: (client) => describeHost(client, context, directory(), facts),
    handlers: plugins,
    scheduler,
    attendance: absence,
    onRegister() {
      // An osqueryd that started anew may have other tables.
      access.forget();
      tables.clear();
      facts.forget();
      absence.catchingUp();
      catchUp.begin();
    },
  });
  const tables = new Map<string, ReturnType<TableLookup>>();
  const lookUp: TableLookup = (table) => {
    const known = tables.get(table) ?? lookUpTable(osquery.client, table);
    tables.set(table, known);
    // A question that failed is put again the next time.
    known.catch(() => tables.delete(table));
    return known;
  };
  const access = createTableAccessReader(lookUp);
  const systemLog = { command: ['journalctl'] } as const;
  const facts = new HostFactsReader({ client: osquery.client, platform: process.platform, systemLog });
  const queries = {
    client: osquery.client,
    registered: () => osquery.registered(),
    access,
    lookUp,
    facts,
    ownQueries: () => inService().ownQueries,
    courier: () => inService().delivery.courier,
    distributed,
    fetches: () => fetchesQueries(osquery.flags),
    scheduler,
  };

  const recover = fromPromise<Recovered, undefined>(async () => {
    try {
      opened = await openAll(context, {
        ...{ directory: directory(), deliverables, links, immediate, scheduler },
        ...{ systemLog, client: osquery.client },
        host: () => host,
        flags: () => osquery.flags,
      });
      const { state, delivery } = opened;
      await osquery.config.keepIn(state.directory);
      bus.subscribe(['osquery.registered'], () => void immediate.learn(osquery.client));
      void osquery.registered().then(() => immediate.learn(osquery.client));
      if (peers) forgetOthers(delivery.courier, peers);
      delivery.courier.start();
      await absence.open({
        directory: state.directory,
        courier: delivery.courier,
        schedule: schedule.state,
        isConfigured: (peer) => peers?.includes(peer) ?? true,
      });
      const recovered = recoveredFrom(context, state);
      schedule.recovered(recovered);
      opening.resolve(opened);
      await opened.ownQueries.start(subscriptions(state.eventLog.report.state));
      const { metrics } = options;
      const observed = { directory: state.directory, metrics, report, times: plugins.times };
      servers.push(...(await serveObservers(context, observed)));
      return recovered;
    } catch (error) {
      opening.reject(error);
      throw error;
    }
  });
  const release = fromPromise<void, undefined>(async () => {
    for (const server of servers) server.close();
    // Calls that wait for it have their time to be answered in.
    await osquery.close();
    stalls.stop();
    const caughtUp = catchUp.end();
    // What waits for a state directory that was not opened would wait for ever.
    if (opened) await caughtUp;
    opened?.ownQueries.stop();
    await opened?.delivery.courier.stop();
    await absence.end(!osquery.runsOn);
    if (opened) await closeState(opened.state);
  });

  const machine = connectMachines(bus, {
    osquery: {
      attach: osquery.attach,
      configure: osquery.configure,
      register: osquery.register,
      watch: osquery.watch,
      applySchedule: applySchedulePort(context, { client: osquery.client, watch: osquery.schedule }),
      deregister: osquery.deregister,
    },
    schedule: {
      describe: describePort(context, queries),
      append: fromPromise<Appended, Append>(async ({ input: { expected, events } }) => {
        const records = await inService().state.eventLog.append(expected, events);
        return { sequence: records.at(-1)?.seq ?? expected };
      }),
      execute: executePort(context, queries),
    },
    peer: {
      connection: connectionPort(context, {
        dial: createDial(context),
        links,
        schedule: schedule.state,
        courier: () => inService().delivery.courier,
        record: options.onConversation,
      }),
    },
    logger: { calls: plugins.port() },
    courier: { delivery: deliveryPort(() => inService().delivery) },
    extension: { recover, release },
  });
  const actor = createActor(machine, {
    id: 'extension',
    systemId: 'extension',
    input: {
      endpointId: context.endpointId,
      givesUp: options.givesUp,
      timing: { osquery: osqueryTiming(options.timeout), link: LINK_TIMING },
    },
    ...(options.inspect && { inspect: options.inspect }),
  });
  const ended = new Promise<ExtensionOutput>((resolve, reject) => {
    actor.subscribe({
      error: reject,
      complete: () => resolve(actor.getSnapshot().output ?? { code: 1, reason: 'the machine stopped' }),
    });
  });
  options.onSystem?.({
    root: actor,
    directory,
    lastSeq: () => opened?.state.eventLog.seq ?? 0,
    counts,
    senders: () => opened?.delivery.courier.senders() ?? [],
    lastRuns: () => osquery.schedule.lastRuns(),
  });
  actor.start();
  return {
    ended,
    signal: (name) => actor.send({ type: 'process.signal', signal: name }),
    refresh: () => osquery.refresh(),
  };
}

/** Of a Bro that the configuration names no more nothing is kept. */
function forgetOthers(courier: Courier, peers: readonly string[]): void {
  for (const { peer } of courier.senders()) if (!peers.includes(peer)) courier.forget(peer);
}
