import type { ReportFacts } from './collector.ts';
import type { LayOut } from './graph.ts';
import { hopGraph } from './graphs.ts';
import { html, type Markup } from './markup.ts';
import { drawn, leftOut, MOST_ROWS, missing, section, withPid } from './page-parts.ts';
import { at, table } from './page-table.ts';

export function notices(facts: ReportFacts): Markup {
  if (facts.noticeTotal === 0) {
    return section(
      'notices',
      'Notices',
      missing(facts, 'notice', 'Zeek writes it with the first notice.') || 'There was no notice.',
    );
  }
  const counts = [...facts.noticeCounts].sort(([, a], [, b]) => b - a);
  const shown = facts.notices.slice(0, MOST_ROWS);
  return section(
    'notices',
    'Notices',
    html`<div class="chart" data-chart="notices" role="img" aria-label="Notices in time by type"></div>
<div class="counts">${counts.map(([note, count]) => html`<span class="count"><b>${count}</b> ${note}</span> `)}</div>
${leftOut(shown.length, facts.noticeTotal, 0, 'notice')}
${table(
  'notice-table',
  'Notices, the newest first',
  [
    { title: 'Time (UTC)' },
    { title: 'Notice' },
    { title: 'Host' },
    { title: 'Process' },
    { title: 'User' },
    { title: 'Message' },
    { title: 'Since' },
    { title: 'ATT&CK' },
  ],
  shown.map((notice) => [
    at(notice.time),
    notice.note,
    notice.host,
    withPid(notice.process, notice.pid),
    notice.user,
    notice.message,
    notice.since === undefined ? '' : at(notice.since),
    notice.techniques.join(' '),
  ]),
)}`,
  );
}

export async function hops(facts: ReportFacts, layOut: LayOut): Promise<Markup> {
  if (facts.chains.length === 0) {
    return section(
      'hops',
      'Hop chains',
      missing(
        facts,
        'osq-hops',
        'Zeek writes it with the first hop, where osquery/detections/hops is loaded.',
      ),
    );
  }
  const { graph, shown } = hopGraph(facts.chains);
  const rows = facts.chains.flatMap((chain) => chain.hops).slice(0, MOST_ROWS);
  const total = facts.chains.reduce((sum, { hops: all }) => sum + all.length, 0);
  return section(
    'hops',
    'Hop chains',
    html`<p>Sessions that came in at a host and went on to another${shown < facts.chains.length ? html`; drawn are the newest ${shown} of ${facts.chains.length} chains` : ''}.</p>
${await drawn(graph, 'Hosts and the sessions between them', layOut)}
${leftOut(rows.length, total, facts.chainsDropped, 'hop')}
${table(
  'hop-table',
  'Hops, the newest chain first',
  [
    { title: 'Time (UTC)' },
    { title: 'Hop', isNumber: true },
    { title: 'From' },
    { title: 'By way of' },
    { title: 'To' },
    { title: 'Service' },
    { title: 'Process' },
    { title: 'User' },
  ],
  rows.map((hop) => [
    at(hop.time),
    hop.depth,
    hop.from,
    hop.via,
    hop.to,
    hop.service,
    withPid(hop.process, hop.pid),
    hop.user,
  ]),
)}`,
  );
}

export function listeners(facts: ReportFacts): Markup {
  const shown = facts.listeners.slice(0, MOST_ROWS);
  if (shown.length === 0) {
    return section(
      'listeners',
      'New listeners',
      missing(facts, 'osq-listening-ports', 'load osquery/logging/listening-ports.') ||
        'No port was opened after the first minute in which its host was seen.',
    );
  }
  return section(
    'listeners',
    'New listeners',
    html`<p>Ports that a program opened later than the first minute in which its host was seen.</p>
${leftOut(shown.length, facts.listeners.length, facts.listenersDropped, 'listener')}
${table(
  'listener-table',
  'New listeners, the newest first',
  [
    { title: 'Since (UTC)' },
    { title: 'Host' },
    { title: 'Address' },
    { title: 'Port' },
    { title: 'Process' },
    { title: 'User' },
    { title: 'Closed' },
  ],
  shown.map((listener) => [
    at(listener.first),
    listener.hostname,
    listener.address,
    { shown: listener.port, sort: Number.parseInt(listener.port, 10) },
    withPid(listener.process, listener.pid),
    listener.user,
    listener.gone > listener.first ? at(listener.gone) : '',
  ]),
)}`,
  );
}
