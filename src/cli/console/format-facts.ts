import type { HostFacts, QueryFacts } from '../../console/model.ts';
import { quoted } from '../../replay/printable.ts';
import { duration } from '../status/format.ts';

/** What a Zeek knows of hosts and queries, in cells of a table for people. */

export const HOST_HEAD = [
  'name',
  'id',
  'state',
  'platform',
  'version',
  'by',
  'rows/s',
  'groups',
  'addresses',
];

export function hostCells(host: HostFacts, now: number): readonly string[] {
  const { name, id, platform, os, version, gateway, groups, addresses } = host;
  return [
    name || '-',
    id,
    stateOf(host, now),
    os || platform || '-',
    version || '-',
    gateway === '' ? 'itself' : gateway,
    rateText(host.rate),
    groups.join(' ') || '-',
    addresses.join(' ') || '-',
  ];
}

export function stateOf({ connected, since, lastSeen }: HostFacts, now: number): string {
  if (!connected) return `gone, seen ${duration(now - lastSeen)} ago`;
  return since === null ? 'connected' : `for ${duration(now - since)}`;
}

export function rateText(rate: number | null): string {
  if (rate === null) return '-';
  return rate >= 100 ? rate.toFixed(0) : rate.toFixed(1);
}

/** Seconds from a run of osquery to the Zeek. */
export function lagText(lag: number | null): string {
  return lag === null ? 'not known' : `${lag.toFixed(1)} s`;
}

export const QUERY_HEAD = ['query', 'every', 'rows', 'of', 'wanted by', 'came', 'event'];

export function queryCells(query: QueryFacts): readonly string[] {
  const { sql, event, update, interval, target, wantedBy, rows } = query;
  return [
    quoted(sql, 60).slice(1, -1),
    interval === 0 ? 'once' : `${interval} s`,
    update,
    target,
    wantedBy.join(', ') || '-',
    rows === null ? 'not known' : String(rows),
    event,
  ];
}
