import { PARTITIONS } from '../../nats/lease-table.ts';
import { printable } from '../../replay/printable.ts';
import type { GatewayReport } from './report.ts';

/** A gateway's report, for people. */
export function formatGateway(report: GatewayReport, now: number): readonly string[] {
  const { zeek, counts } = report;
  const way = printable(zeek.ways[zeek.way] ?? '');
  const up = `up over ${zeek.transport}${zeek.has_package ? ", with this project's package" : ''}`;
  const down = zeek.last_close ? `not there: ${printable(zeek.last_close.reason)}` : 'not reached yet';
  const seconds = Math.max(0, Math.round((now - Date.parse(report.started_at)) / 1000));
  return [
    `gateway ${printable(report.name)}, version ${report.version}, up ${seconds} s, ${mebibytes(report.memory_bytes)}`,
    `Zeek    ${way}: ${zeek.incarnation === null ? down : up}`,
    ...(zeek.ways.length > 1 ? [`        ways to it: ${zeek.ways.map(printable).join(', ')}`] : []),
    `hosts   ${report.hosts} connected${listening(report)}`,
    `        ${counts.admitted} let in, ${counts.turnedAway} turned away, ${counts.failed} failed, ${counts.dropped} dropped`,
    `rows    ${counts.rows} passed on, ${counts.refused} events refused, ${counts.throttled} times held back`,
    `        ${mebibytes(report.waiting_bytes)} wait for the Zeek, ${mebibytes(report.unconfirmed_bytes)} for its confirmation`,
    ...natsLines(report.nats),
    `asked   ${counts.requests} requests of the Zeek, ${counts.deliveries} messages to hosts, ${report.asked_events.length} events`,
  ];
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}

function listening({ listens, port }: GatewayReport): string {
  if (!listens) return '';
  return port === null ? ', not listening' : `, listening on port ${port}`;
}

function natsLines(nats: GatewayReport['nats']): readonly string[] {
  if (!nats) return [];
  const { server, servers, stream, partitions, gateways, under_way, troubles } = nats;
  const others = gateways.map(({ name }) => printable(name)).join(', ');
  return [
    `nats    ${server === '' ? `not connected to ${servers.map(printable).join(', ')}` : printable(server)}`,
    `        ${partitions.length} of ${PARTITIONS} partitions, shared by ${others || 'nobody'}`,
    `        ${stream === '' ? 'no stream yet' : `stream ${printable(stream)}`}, ${under_way} messages under way`,
    ...Object.values(troubles).map((trouble) => `        trouble: ${printable(trouble)}`),
  ];
}
