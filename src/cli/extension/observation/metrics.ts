import { countsError } from '../../../delivery/delivery-counts.ts';
import type { StatusReport } from './status-report.ts';

type Labels = Readonly<Record<string, string>>;

/** One metric and how it is read out of a report. */
export interface Metric {
  readonly kind: 'gauge' | 'counter';
  /** Behind the prefix `bro_osquery_`. */
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly samples: (report: StatusReport) => readonly (readonly [Labels, number])[];
}

const ROW_COUNTERS = {
  taken: 'Rows received from osquery.',
  refused: 'Rows that could not be written to the journal.',
  sent: 'Rows sent to the Zeek, each counted once.',
  resent: 'Rows sent again.',
  confirmed: 'Rows that the Zeek has confirmed.',
  dropped: 'Rows lost (journal limits or damage), and reported to the Zeek.',
} as const;

/**
 * Our metrics. Rows are counted by Zeek and not by query, whose names are never used again: one series each would
 * never end. `bro-osquery status` and the table `bro_delivery` tell the queries apart.
 */
export const METRICS: readonly Metric[] = [
  gauge(
    'osquery_registered',
    'Whether the extension is registered with osqueryd (1) or not (0).',
    ({ osquery }) => Number(osquery.state.startsWith('registered')),
  ),
  perBro('gauge', 'zeek_peered', 'Whether the Zeek is connected (1) or not (0).', ({ state }) =>
    Number(state === 'linked.peered'),
  ),
  {
    kind: 'gauge',
    name: 'zeeks',
    help: 'Configured Zeeks by the state of their connection.',
    labels: ['state'],
    samples: ({ bros }) => bros.map(({ state }) => [{ state }, 1]),
  },
  perBro('gauge', 'zeek_failures', 'Failed connections since the last healthy one.', (bro) => bro.failures),
  perBro('gauge', 'subscriptions', 'Subscriptions of each Zeek.', (bro) => bro.subscriptions),
  gauge('executions_waiting', 'One-time queries that are pending.', (report) => report.executions),
  ...Object.entries(ROW_COUNTERS).map(
    ([key, help]): Metric => ({
      kind: 'counter',
      name: `rows_${key}_total`,
      help,
      labels: ['zeek'],
      samples: ({ delivery }) =>
        delivery.map((counts) => [{ zeek: counts.peer }, counts[key as keyof typeof ROW_COUNTERS]]),
    }),
  ),
  {
    kind: 'counter',
    name: 'rows_skipped_total',
    help: 'Rows that were skipped, by reason.',
    labels: ['zeek', 'reason'],
    samples: ({ delivery }) =>
      delivery.flatMap(({ peer, skipped }) =>
        Object.entries(skipped).map(([reason, rows]) => [{ zeek: peer, reason }, rows] as const),
      ),
  },
  {
    kind: 'gauge',
    name: 'rows_pending',
    help: 'Rows in the journal that the Zeek has not confirmed.',
    labels: ['zeek'],
    samples: ({ delivery }) => delivery.map(({ peer, pending }) => [{ zeek: peer }, pending]),
  },
  {
    kind: 'gauge',
    name: 'delivery_lag_seconds',
    help: 'Age of the oldest row that the Zeek has not confirmed; 0 if there is none.',
    labels: ['zeek'],
    samples: ({ at, bros }) =>
      bros.map(({ peer, oldestAt }) => [
        { zeek: peer },
        oldestAt === null ? 0 : Math.max(0, at - oldestAt) / 1_000,
      ]),
  },
  gauge(
    'row_counters_wrong',
    'Row counters that do not add up; always 0.',
    ({ delivery }) => delivery.filter((counts) => countsError(counts) !== undefined).length,
  ),
  gauge('journal_bytes', 'Bytes in the journal.', ({ journal }) => journal.bytes),
  gauge('journal_limit_bytes', 'Size limit of the journal.', ({ journal }) => journal.maxBytes),
  gauge('event_log_records', 'Records in the event log.', ({ eventLog }) => eventLog.records),
  gauge(
    'event_log_blocked',
    "Whether the event log can't be written (1), so that requests are refused.",
    (report) => Number(report.eventLog.trouble !== ''),
  ),
  counter('logger_calls_total', 'Log calls of osquery.', ({ logger }) => logger.calls),
  counter('logger_bytes_total', 'Bytes received in log calls.', ({ logger }) => logger.bytes),
  counter(
    'logger_recovered_rows_total',
    "Rows recovered from osqueryd's own log.",
    ({ logger }) => logger.recovered,
  ),
  counter(
    'logger_lost_calls_total',
    'Log calls whose rows could not be stored.',
    ({ logger }) => logger.lost,
  ),
];

function gauge(name: string, help: string, value: (report: StatusReport) => number): Metric {
  return { kind: 'gauge', name, help, labels: [], samples: (report) => [[{}, value(report)]] };
}

function counter(name: string, help: string, value: (report: StatusReport) => number): Metric {
  return { ...gauge(name, help, value), kind: 'counter' };
}

function perBro(
  kind: Metric['kind'],
  name: string,
  help: string,
  value: (bro: StatusReport['bros'][number]) => number,
): Metric {
  const samples: Metric['samples'] = ({ bros }) => bros.map((bro) => [{ zeek: bro.peer }, value(bro)]);
  return { kind, name, help, labels: ['zeek'], samples };
}
