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
  taken: 'Rows that osquery handed over.',
  refused: 'Rows that the journal did not take.',
  sent: "Rows given to the Zeek's connection, each once.",
  resent: 'Rows given to it again.',
  confirmed: 'Rows that the Zeek has confirmed.',
  dropped: 'Rows lost by a bound or a damage, and declared.',
} as const;

/**
 * Our metrics. Rows are counted by Zeek and not by query, whose names are never used again: one series each would
 * never end. `bro-osquery status` and the table `bro_delivery` tell the queries apart.
 */
export const METRICS: readonly Metric[] = [
  gauge('osquery_registered', 'Whether osqueryd knows us (1) or not (0).', ({ osquery }) =>
    Number(osquery.state.startsWith('registered')),
  ),
  perBro('gauge', 'zeek_peered', 'Whether the Zeek is there (1) or not (0).', ({ state }) =>
    Number(state === 'linked.peered'),
  ),
  {
    kind: 'gauge',
    name: 'zeeks',
    help: 'Configured Zeeks by the state of their link.',
    labels: ['state'],
    samples: ({ bros }) => bros.map(({ state }) => [{ state }, 1]),
  },
  perBro('gauge', 'zeek_failures', 'Failed connections since the last healthy one.', (bro) => bro.failures),
  perBro('gauge', 'subscriptions', 'Subscriptions of each Zeek.', (bro) => bro.subscriptions),
  gauge('executions_waiting', 'One-time queries that wait for their rows.', (report) => report.executions),
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
    help: 'Rows that were not to be sent, by reason.',
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
    'accounts_wrong',
    'Accounts of rows that do not add up; always 0.',
    ({ delivery }) => delivery.filter((counts) => countsError(counts) !== undefined).length,
  ),
  gauge('journal_bytes', 'Bytes in the journal.', ({ journal }) => journal.bytes),
  gauge('journal_limit_bytes', 'Bytes that the journal may grow to.', ({ journal }) => journal.maxBytes),
  gauge('event_log_records', 'Records in the event log.', ({ eventLog }) => eventLog.records),
  gauge(
    'event_log_blocked',
    'Whether the event log takes nothing (1), so that requests are refused.',
    (report) => Number(report.eventLog.trouble !== ''),
  ),
  counter('logger_calls_total', "Calls of osquery's logger.", ({ logger }) => logger.calls),
  counter('logger_bytes_total', "Bytes that osquery's logger was handed.", ({ logger }) => logger.bytes),
  counter(
    'logger_recovered_rows_total',
    "Rows taken from osqueryd's own log: nobody had answered its call.",
    ({ logger }) => logger.recovered,
  ),
  counter('logger_lost_calls_total', 'Calls whose rows could not be kept.', ({ logger }) => logger.lost),
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
