import { createActor, fromPromise } from 'xstate';
import type { Closed, Recovered } from '../../../../actors/extension.machine.ts';
import { connectMachines } from '../../../../actors/system.ts';
import { systemClock } from '../../../broker/system-clock.ts';
import { BroLinks } from '../../../conversation/bro-links.ts';
import { Deliverables } from '../../../delivery/deliverables.ts';
import { ImmediateEvents } from '../../../delivery/immediate-events.ts';
import { StatusForwarder } from '../../../delivery/status-forwarder.ts';
import { DistributedExecutions } from '../../../osquery/distributed-executions.ts';
import { createEventRowMatcher } from '../../../osquery/event-row-store.ts';
import { isEventTable } from '../../../osquery/event-tables.ts';
import { OsqueryLog } from '../../../osquery/osqueryd-log-store.ts';
import { describeHost } from '../../../query/describe-host-store.ts';
import type { ExtensionContext } from '../extension-context.ts';
import { BackfillPorts } from '../ports/backfill.ts';
import { connectionPort } from '../ports/bro-connection.ts';
import { CooperativeScheduler } from '../ports/cooperative-scheduler.ts';
import { deliveryPort } from '../ports/deliver.ts';
import { createDial } from '../ports/dial.ts';
import { OsqueryLink } from '../ports/osquery-link.ts';
import { Plugins } from '../ports/plugins.ts';
import { HostKnowledge } from './host-knowledge.ts';
import { KnownHost } from './known-host.ts';
import { Observation } from './observation.ts';
import { osqueryPorts } from './osquery-ports.ts';
import { outputOf, type RunningExtension, type RunOptions } from './running.ts';
import { schedulePorts } from './schedule-ports.ts';
import { ScheduleReader } from './schedule-reader.ts';
import { StateService } from './state-service.ts';
import { LINK_TIMING, osqueryTiming } from './timing.ts';

/** Wires machines and ports: everybody is known here, and nowhere else. */
export function runExtension(context: ExtensionContext, options: RunOptions): RunningExtension {
  const { bus, log, runtime } = context;
  const links = new BroLinks();
  const scheduler = new CooperativeScheduler();
  const distributed = new DistributedExecutions();
  const status = new StatusForwarder({
    severity: () => context.settings().forwardStatus,
    tell: (notice) => links.tellAll(notice),
    now: runtime.now,
  });
  const systemLog = { command: ['journalctl'] } as const;
  const known = new KnownHost(bus);
  const schedule = new ScheduleReader(
    () => actor.system,
    () => state.recovered(),
  );
  const deliverables = new Deliverables(isEventTable);
  const createMatcher = createEventRowMatcher;
  const immediate = new ImmediateEvents({ deliverables, createMatcher, now: runtime.now, log });
  const state: StateService = new StateService(context, {
    ...{ flag: options.stateDirectory, links, deliverables, immediate, scheduler, known },
    ...{ client: () => osquery.client, systemLog, flags: () => osquery.flags },
  });
  const observation = new Observation(context, {
    ...{ root: () => actor, state, schedule, known, plugins: () => plugins, metrics: options.metrics },
    ...{ links, deliverables, osquery: () => osquery },
    ...{
      reload: () => osquery.refresh(),
      runs: () => osquery.schedule.lastRuns(),
      seenRuns: () => osquery.schedule.seenRuns,
    },
  });
  const backfill = new BackfillPorts(context, {
    stores: state.whenOpen.then(({ missed, delivery: { courier }, state: { directory } }) => ({
      ...{ missed, courier, directory },
    })),
    ...{ clock: systemClock, deliverables, isConfigured: known.isConfigured },
  });
  const plugins: Plugins = new Plugins(context, {
    courier: state.whenOpen.then(({ delivery }) => delivery.courier),
    inOrder: (line, take) => backfill.inOrder(line, take),
    schedule: () => state.whenOpen.then(() => JSON.stringify(schedule.rendered().config)),
    executions: distributed,
    onStatus: (lines) => osqueryLog.take(lines),
    wantsEvents: () => immediate.isWanted,
    onShutdown: () => osquery.shutdownAsked(),
    table: observation.tables(),
  });
  const osquery: OsqueryLink = new OsqueryLink(context, {
    ...{ socket: options.socket, configFile: options.configFile, stateDirectory: options.stateDirectory },
    ...{ interval: options.interval, handlers: plugins, scheduler, attendance: backfill },
    onRuns: (runs) => void osqueryLog.ran(runs),
    describeHost: (client) => describeHost(client, context, state.directory(), knowledge.facts),
    onRegister() {
      knowledge.forget();
      osqueryLog.start();
      backfill.registering();
    },
  });
  const knowledge = new HostKnowledge(osquery.client, systemLog);
  const osqueryLog = new OsqueryLog({
    ...{ now: runtime.now, log },
    onFailed: (name, text) => bus.publish({ type: 'osquery.query-failed', name, text }),
    onWorks: (name) => bus.publish({ type: 'osquery.query-works', name }),
    flags: () => osquery.flags,
    failing: () => Object.keys(schedule.state().failing),
    onLines: (lines) => status.take(lines),
  });
  const recover = fromPromise<Recovered, undefined>(async () => {
    const recovered = await state.open();
    await osquery.config.keepIn(state.directory());
    bus.on('osquery.registered', () => void immediate.learn(osquery.client));
    void osquery.registered().then(() => immediate.learn(osquery.client));
    await state.startOwnQueries();
    await observation.serve();
    return recovered;
  });
  const close = fromPromise<Closed, undefined>(async () => {
    observation.close();
    await osquery.close();
    osqueryLog.stop();
    return { inOrder: !osquery.runsOn };
  });
  const machine = connectMachines(bus, {
    osquery: osqueryPorts(context, osquery),
    schedule: schedulePorts(context, { osquery, knowledge, state, distributed, scheduler }),
    peer: {
      connection: connectionPort(context, {
        ...{ dial: createDial(context), links, schedule: schedule.state, courier: state.courier },
        record: options.onConversation,
      }),
    },
    logger: { calls: plugins.port() },
    courier: { delivery: deliveryPort(state.delivery) },
    backfill: backfill.ports,
    extension: { recover, close, release: fromPromise<void, undefined>(() => state.close()) },
  });
  const actor = createActor(machine, {
    ...{ id: 'extension', systemId: 'extension', ...(options.inspect && { inspect: options.inspect }) },
    input: {
      ...{ endpointId: context.endpointId, givesUp: options.givesUp },
      timing: { osquery: osqueryTiming(options.timeout), link: LINK_TIMING },
    },
  });
  const { directory, lastSeq, counts, senders } = state;
  const lastRuns = async () => new Map([...(await osquery.schedule.lastRuns()), ...state.lastOwnRuns()]);
  options.onSystem?.({ root: actor, directory, lastSeq, counts, senders, lastRuns });
  const ended = outputOf(actor);
  actor.start();
  return {
    ended,
    signal: (name) => actor.send({ type: 'process.signal', signal: name }),
    refresh: () => osquery.refresh(),
  };
}
