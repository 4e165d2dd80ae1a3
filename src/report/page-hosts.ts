import { counted } from '../replay/printable.ts';
import type { End } from './collect-talks.ts';
import type { ReportFacts } from './collector.ts';
import type { LayOut } from './graph.ts';
import { talkGraph } from './graphs.ts';
import { html, type Markup } from './markup.ts';
import { drawn, leftOut, MOST_ROWS, missing, section } from './page-parts.ts';
import { at, bytes, table } from './page-table.ts';

/** What was read to make the report, for its last section. */
export interface ReadFiles {
  readonly folder: string;
  readonly files: number;
  readonly bytes: number;
  readonly unreadable: number;
  readonly problems: readonly string[];
}

export async function talks(facts: ReportFacts, layOut: LayOut): Promise<Markup> {
  const title = 'Who talks to whom';
  const chart = html`<div class="chart" data-chart="connections" role="img" aria-label="Connections in time"></div>`;
  if (facts.connections === 0) {
    return section(
      'talks',
      title,
      missing(facts, 'conn', 'Zeek writes it where it sees traffic.') || 'There was no connection.',
    );
  }
  if (facts.talks.length === 0) {
    return section(
      'talks',
      title,
      html`${chart}<p class="none">No connection is of a known program: load osquery/attribution.</p>`,
    );
  }
  const shown = facts.talks.slice(0, MOST_ROWS);
  return section(
    'talks',
    title,
    html`${chart}
<p>Programs of hosts, and those that they talk to most.</p>
${await drawn(talkGraph(facts.talks), 'Programs and whom they talk to', layOut)}
${leftOut(shown.length, facts.talks.length, facts.talksDropped, 'pair')}
${table(
  'talk-table',
  'Who talks to whom, by connections',
  [
    { title: 'From' },
    { title: 'Program' },
    { title: 'User' },
    { title: 'To' },
    { title: 'Program there' },
    { title: 'Service' },
    { title: 'Connections', isNumber: true },
    { title: 'Sent', isNumber: true },
    { title: 'Received', isNumber: true },
    { title: 'First (UTC)' },
    { title: 'Last' },
  ],
  shown.map(({ from, to, ...talk }) => [
    from.host,
    program(from),
    from.user,
    to.host,
    program(to),
    talk.service,
    talk.connections,
    bytes(talk.bytesOut),
    bytes(talk.bytesIn),
    at(talk.first),
    at(talk.last),
  ]),
)}`,
  );
}

function program({ hid, process }: End): string {
  return hid === undefined ? '' : process || '(unknown)';
}

export function hosts(facts: ReportFacts): Markup {
  if (facts.hosts.length === 0) return section('hosts', 'Hosts', 'No log names a host.');
  const shown = facts.hosts.slice(0, 10 * MOST_ROWS);
  return section(
    'hosts',
    'Hosts',
    html`${leftOut(shown.length, facts.hosts.length, facts.hostsDropped, 'host')}
${table(
  'host-table',
  'Hosts',
  [
    { title: 'Host' },
    { title: 'System' },
    { title: 'Addresses' },
    { title: 'At the end' },
    { title: 'First seen (UTC)' },
    { title: 'Last seen' },
    { title: 'Rows', isNumber: true },
    { title: 'Notices', isNumber: true },
    { title: 'Connections begun', isNumber: true },
    { title: 'Received', isNumber: true },
    { title: 'Agent' },
    { title: 'Id' },
  ],
  shown.map((host) => [
    host.hostname || host.hid,
    host.system,
    host.addresses,
    host.isConnected === undefined ? '' : host.isConnected ? 'connected' : 'gone',
    at(host.first),
    at(host.last),
    host.rows,
    host.notices,
    host.begun,
    host.received,
    host.agent,
    host.hid,
  ]),
)}`,
  );
}

export function sources(facts: ReportFacts, read: ReadFiles): Markup {
  const logs = [...facts.lines].sort(([a], [b]) => (a < b ? -1 : 1));
  return section(
    'sources',
    'Sources',
    html`<p>${counted(read.files, 'file')} of ${read.folder}, ${bytes(read.bytes).shown} as stored. ${
      read.unreadable === 0
        ? 'Every line could be read.'
        : `${counted(read.unreadable, 'line')} could not be read and counted for nothing.`
    }</p>
${read.problems.length === 0 ? '' : html`<ul class="problems">${read.problems.map((problem) => html`<li>${problem}</li>`)}</ul>`}
${table(
  'source-table',
  'Lines by log',
  [{ title: 'Log' }, { title: 'Lines', isNumber: true }],
  logs.map(([log, count]) => [log, count]),
)}`,
  );
}
