import { createServer, type Server } from 'node:http';
import type { Logger } from 'pino';
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { StatusReport } from './status-report.ts';

/** Where metrics are served. */
export interface MetricsAddress {
  readonly host: string;
  readonly port: number;
}

const PREFIX = 'bro_osquery_';

/** What becomes of rows; together with `pending` they add up to `taken`. */
const ROW_STATES = [
  'taken',
  'refused',
  'sent',
  'resent',
  'confirmed',
  'dropped',
  'skipped',
  'pending',
] as const;

/**
 * Serves metrics in Prometheus' text format at `/metrics`: those of the process, its event loop's delay among
 * them, and ours, read at each scrape.
 */
export function serveMetrics(
  { host, port }: MetricsAddress,
  report: () => StatusReport,
  log: Logger,
): Promise<Server> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: PREFIX });
  registerOurs(registry, report);
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  server.headersTimeout = 5_000;
  server.maxConnections = 16;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      const bound = server.address();
      const at = typeof bound === 'object' && bound ? bound.port : port;
      log.info(
        { area: 'metrics' },
        `serves metrics on http://${host.includes(':') ? `[${host}]` : host}:${at}/metrics`,
      );
      resolve(server);
    });
  });
}

function registerOurs(registry: Registry, report: () => StatusReport): void {
  const registers = [registry];
  new Gauge({
    name: `${PREFIX}osquery_registered`,
    help: 'Whether osqueryd knows us (1) or not (0).',
    registers,
    collect() {
      this.set(report().osquery.state.startsWith('registered') ? 1 : 0);
    },
  });
  new Gauge({
    name: `${PREFIX}zeek_state`,
    help: 'The state of each Zeek: 1 for the one that it is in.',
    labelNames: ['zeek', 'state'],
    registers,
    collect() {
      this.reset();
      for (const { peer, state } of report().bros) this.set({ zeek: peer, state }, 1);
    },
  });
  new Gauge({
    name: `${PREFIX}subscriptions`,
    help: 'Subscriptions of each Zeek.',
    labelNames: ['zeek'],
    registers,
    collect() {
      this.reset();
      for (const { peer, subscriptions } of report().bros) this.set({ zeek: peer }, subscriptions);
    },
  });
  new Gauge({
    name: `${PREFIX}rows`,
    help: 'Rows of each Zeek since our start, by what became of them.',
    labelNames: ['zeek', 'state'],
    registers,
    collect() {
      this.reset();
      for (const account of report().delivery) {
        const skipped = Object.values(account.skipped).reduce((sum, rows) => sum + rows, 0);
        for (const state of ROW_STATES) {
          this.inc({ zeek: account.peer, state }, state === 'skipped' ? skipped : account[state]);
        }
      }
    },
  });
  new Gauge({
    name: `${PREFIX}journal_bytes`,
    help: 'Bytes in the journal.',
    registers,
    collect() {
      this.set(report().journal.bytes);
    },
  });
  new Gauge({
    name: `${PREFIX}event_log_records`,
    help: 'Records in the event log.',
    registers,
    collect() {
      this.set(report().eventLog.records);
    },
  });
  new Gauge({
    name: `${PREFIX}event_log_blocked`,
    help: 'Whether the event log takes nothing (1), so that requests are refused.',
    registers,
    collect() {
      this.set(report().eventLog.trouble === '' ? 0 : 1);
    },
  });
  counter(registry, 'logger_calls_total', "Calls of osquery's logger.", () => report().logger.calls);
  counter(
    registry,
    'logger_bytes_total',
    "Bytes that osquery's logger was handed.",
    () => report().logger.bytes,
  );
  counter(
    registry,
    'logger_lost_calls_total',
    'Calls whose rows could not be kept.',
    () => report().logger.lost,
  );
}

/** A counter that something else counts. */
function counter(registry: Registry, name: string, help: string, value: () => number): void {
  new Counter({
    name: `${PREFIX}${name}`,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(value());
    },
  });
}
