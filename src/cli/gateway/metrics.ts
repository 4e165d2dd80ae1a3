import { Counter, Gauge, type Registry } from 'prom-client';
import type { GatewayReport } from './report.ts';

type Read = (report: GatewayReport) => number;

/** A gateway's metrics by their names behind `bro_osquery_gateway_`. */
export const GATEWAY_METRICS: readonly {
  readonly kind: 'gauge' | 'counter';
  readonly name: string;
  readonly help: string;
  readonly read: Read;
}[] = [
  gauge('zeek_up', 'Whether the Zeek is connected (1) or not (0).', ({ zeek }) =>
    Number(zeek.incarnation !== null),
  ),
  gauge('listening', 'Whether hosts are listened for (1) or not (0).', ({ port }) => Number(port !== null)),
  gauge('hosts', 'Hosts that are connected.', ({ hosts }) => hosts),
  gauge('waiting_bytes', 'Bytes from hosts that wait for the Zeek.', (report) => report.waiting_bytes),
  gauge(
    'unconfirmed_bytes',
    'Bytes under way that the Zeek has not confirmed.',
    (report) => report.unconfirmed_bytes,
  ),
  counter('connections_total', 'Connections that came in.', ({ counts }) => counts.connections),
  counter('hosts_admitted_total', 'Hosts that were let in.', ({ counts }) => counts.admitted),
  counter(
    'hosts_turned_away_total',
    'Connections closed at once: too many waited.',
    ({ counts }) => counts.turnedAway,
  ),
  counter(
    'hosts_failed_total',
    'Connections that failed before the host was known.',
    ({ counts }) => counts.failed,
  ),
  counter('hosts_dropped_total', 'Hosts that did not read, or were silent.', ({ counts }) => counts.dropped),
  counter(
    'duplicates_total',
    'Times that a host was refused, for another with its id is connected.',
    ({ counts }) => counts.duplicates,
  ),
  counter('events_total', 'Events of hosts that went on to the Zeek.', ({ counts }) => counts.events),
  counter('rows_total', 'Rows among them.', ({ counts }) => counts.rows),
  counter('bytes_total', 'Their bytes.', ({ counts }) => counts.bytes),
  counter(
    'refused_total',
    "Events of hosts that were refused: another's id, or nothing that was asked for.",
    (report) => report.counts.refused,
  ),
  counter('requests_total', 'Requests of the Zeek.', ({ counts }) => counts.requests),
  counter(
    'deliveries_total',
    'Messages of the Zeek to hosts, each copy counted.',
    ({ counts }) => counts.deliveries,
  ),
  counter('withheld_total', 'Requests kept from a host by its limit.', ({ counts }) => counts.withheld),
  counter(
    'throttled_total',
    'Times that a host was held back for its limits.',
    ({ counts }) => counts.throttled,
  ),
  gauge('nats_up', 'Whether a NATS server is connected (1) or not (0).', ({ nats }) =>
    Number((nats?.server ?? '') !== ''),
  ),
  gauge(
    'nats_partitions',
    'Partitions of hosts at NATS that this gateway serves.',
    ({ nats }) => nats?.partitions.length ?? 0,
  ),
  gauge('nats_gateways', 'Gateways that share the hosts at NATS.', ({ nats }) => nats?.gateways.length ?? 0),
  gauge(
    'nats_under_way',
    'Messages of the stream that the Zeek has not confirmed.',
    ({ nats }) => nats?.under_way ?? 0,
  ),
  gauge(
    'nats_troubles',
    'What hinders at NATS: of server, stream and leases, how many.',
    ({ nats }) => Object.keys(nats?.troubles ?? {}).length,
  ),
  counter('zeek_ups_total', 'Times that the Zeek was reached.', ({ counts }) => counts.zeekUps),
];

function gauge(name: string, help: string, read: Read) {
  return { kind: 'gauge' as const, name, help, read };
}

function counter(name: string, help: string, read: Read) {
  return { kind: 'counter' as const, name, help, read };
}

/**
 * @param prefix begins the name of every metric
 * @returns takes the report that the next scrape is to be about
 */
export function registerGatewayMetrics(
  registry: Registry,
  prefix: string,
  report: () => GatewayReport,
): () => void {
  let last: GatewayReport | undefined;
  for (const { kind, name, help, read } of GATEWAY_METRICS) {
    const options = { name: `${prefix}gateway_${name}`, help, registers: [registry] };
    const fill = (metric: Gauge | Counter) => {
      metric.reset();
      if (last) metric.inc(read(last));
    };
    if (kind === 'gauge') {
      new Gauge({
        ...options,
        collect() {
          fill(this);
        },
      });
    } else {
      new Counter({
        ...options,
        collect() {
          fill(this);
        },
      });
    }
  }
  return () => {
    last = report();
  };
}
