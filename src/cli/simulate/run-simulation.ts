import type { EndpointAddress } from '../../broker/address.ts';
import type { Connection, ConnectionHandlers } from '../../broker/connection.ts';
import { connectEndpoint } from '../../broker/endpoint-connection.ts';
import { SecurityMemory } from '../../broker/security-memory.ts';
import type { TlsSettings } from '../../broker/tls.ts';
import { connectDirectly } from '../../nats/direct-connection.ts';
import { connectNats } from '../../nats/nats-connection.ts';
import type { NatsSettings } from '../../nats/settings.ts';
import { Fleet } from '../../simulation/fleet.ts';
import { Tally } from '../../simulation/tally.ts';
import type { Host, VocabularyId } from '../../vocabulary/model.ts';
import { createVocabularies } from '../../vocabulary/vocabularies.ts';
import type { Io } from '../io.ts';
import { type Progress, reportOf, type SimulationReport } from './report.ts';

export interface SimulationRun {
  readonly hosts: number;
  readonly idPrefix: string;
  readonly endpoints: readonly EndpointAddress[];
  /** Of the host with this id. */
  readonly tls: (id: string) => TlsSettings;
  readonly nats: NatsSettings;
  readonly groups: readonly string[];
  /** All if undefined. */
  readonly vocabularies: readonly VocabularyId[] | undefined;
  /** Of each host. */
  readonly rowsPerMinute: number;
  /** Seconds between runs of a host's queries. */
  readonly runInterval: number;
  /** Percent of the hosts a minute. */
  readonly churn: number;
  readonly connectsPerSecond: number;
  /** So many hosts, the first, refuse one-time queries. */
  readonly refuseQueries: number;
  /** So many of the others, the next, leave them unanswered. */
  readonly ignoreQueries: number;
  /** Milliseconds in which rows are made. */
  readonly duration: number;
  /** Milliseconds to wait in the end for the rest to be confirmed. */
  readonly drain: number;
  readonly version: string;
}

const TICK = 50;
const PROGRESS = 1_000;

/** Runs a fleet until its time is over and its rows are confirmed, or the user has had enough. */
export async function runSimulation(io: Io, run: SimulationRun): Promise<SimulationReport> {
  const tally = new Tally();
  const timers = new Set<NodeJS.Timeout>();
  const vocabularies = createVocabularies(run.vocabularies ? { enabled: run.vocabularies } : {});
  const fleet = new Fleet(
    {
      ...{ hosts: run.hosts, connectsPerSecond: run.connectsPerSecond },
      ...{ rowsPerMinute: run.rowsPerMinute, runInterval: run.runInterval, churn: run.churn },
      host: (number) => invented(run, number, io.randomId),
    },
    {
      ...{ vocabularies, tally, dial: dialer(run), now: io.now, chance: Math.random, uuid: io.randomId },
      oneTimeQueries: ({ id }) => oneTimeQueries(run, id),
      after(milliseconds, callback) {
        const timer = setTimeout(() => {
          timers.delete(timer);
          callback();
        }, milliseconds);
        timers.add(timer);
      },
    },
  );
  const startedAt = io.now();
  const progress = progressLine(io);
  const ticking = setInterval(() => fleet.tick(), TICK);
  const showing = setInterval(
    () => progress.show({ tally, fleet, run, seconds: (io.now() - startedAt) / 1000 }),
    PROGRESS,
  );
  try {
    fleet.tick();
    await passing(run.duration, io.interrupted);
    fleet.stopProducing();
    const producedFor = io.now() - startedAt;
    const drainedBy = io.now() + run.drain;
    while (fleet.pending > 0 && io.now() < drainedBy) await passing(TICK);
    const seconds = (io.now() - startedAt) / 1000;
    return reportOf({ tally, fleet, run, seconds }, producedFor / 1000, process.memoryUsage().rss);
  } finally {
    clearInterval(ticking);
    clearInterval(showing);
    progress.clear();
    await fleet.end();
    for (const timer of timers) clearTimeout(timer);
  }
}

function oneTimeQueries({ idPrefix, refuseQueries, ignoreQueries }: SimulationRun, id: string) {
  const number = numberOf(idPrefix, id);
  if (number <= refuseQueries) return 'refuses';
  return number <= refuseQueries + ignoreQueries ? 'ignores' : 'answers';
}

function numberOf(idPrefix: string, id: string): number {
  return Number(id.slice(idPrefix.length + 1));
}

function dialer(run: SimulationRun) {
  const memory = new SecurityMemory();
  return (host: Host, filter: readonly string[], handlers: ConnectionHandlers): Connection => {
    const address = run.endpoints[numberOf(run.idPrefix, host.id) % run.endpoints.length];
    if (!address) throw new Error('there is no endpoint');
    const applicationName = `bro-osquery-simulate/${run.version}`;
    const tls = run.tls(host.id);
    const { endpointId } = host;
    return address.kind === 'nats'
      ? (run.nats.zeekCluster ? connectDirectly : connectNats)(
          {
            ...address,
            ...{ settings: run.nats, tls, name: applicationName, hostId: host.id, endpointId, filter },
          },
          handlers,
        )
      : connectEndpoint(address, { endpointId, filter, tls, memory, applicationName }, handlers);
  };
}

function invented(run: SimulationRun, number: number, uuid: () => string): Host {
  const id = `${run.idPrefix}-${number}`;
  return {
    id,
    hostname: `${id}.example.com`,
    addresses: [`10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`],
    groups: run.groups,
    endpointId: uuid(),
    instanceId: uuid(),
    agentVersion: run.version,
    platform: 'linux',
    osName: 'an invented system',
    kernelName: 'Linux',
    kernelVersion: '6.12.0',
    kernelArch: 'x86_64',
    uptime: 3_600,
    tables: TABLES,
  };
}

/** One list for all hosts. */
const TABLES = ['interface_addresses', 'listening_ports', 'mounts', 'process_events', 'processes', 'users'];

/** A line on a terminal that is written over. */
function progressLine({ err }: Io) {
  const isTerminal = err.isTTY === true;
  return {
    show({ tally, fleet, run, seconds }: Progress): void {
      if (!isTerminal) return;
      const rate = Math.round(tally.confirmed / Math.max(1, seconds));
      const lag = tally.lag.percentile(0.99);
      const parts = [
        `${tally.up} of ${run.hosts} hosts up`,
        `${tally.confirmed} of ${tally.created} rows confirmed (${rate}/s)`,
        `${fleet.pending} waiting`,
        ...(lag === undefined ? [] : [`lag p99 ${Math.round(lag)} ms`]),
        `${tally.reconnects} reconnects`,
      ];
      err.write(`\r\u001b[K${Math.round(seconds)} s: ${parts.join(', ')}`);
    },
    clear(): void {
      if (isTerminal) err.write('\r\u001b[K');
    },
  };
}

function passing(milliseconds: number, interrupted?: AbortSignal): Promise<void> {
  if (interrupted?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    interrupted?.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
