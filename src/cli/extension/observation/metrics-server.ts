import { createServer, type RequestListener, type Server } from 'node:http';
import type { Logger } from 'pino';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { LogCallTimes } from '../ports/log-call-times.ts';
import { METRICS } from './metrics.ts';
import type { StatusReport } from './status-report.ts';

/** Where metrics are served. */
export interface MetricsAddress {
  readonly host: string;
  readonly port: number;
}

/** Begins the name of every metric. */
export const PREFIX = 'bro_osquery_';
/** Upper bounds of the time that a log call takes, in seconds. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];
/** Milliseconds until a port that is taken is tried again: a former life of ours may still hold it. */
const RETRY = 5_000;

/**
 * Serves metrics in Prometheus' text format at `/metrics`: those of the process, its event loop's delay among
 * them, and ours, read at each scrape. A port that can't be had is tried again: meanwhile all else works.
 */
export async function serveMetrics(
  address: MetricsAddress,
  report: () => StatusReport,
  times: LogCallTimes,
  log: Logger,
): Promise<Server> {
  const registry = new Registry();
  const read = registerOurs(registry, report);
  const duration = new Histogram({
    name: `${PREFIX}logger_call_duration_seconds`,
    help: 'Duration of log calls until they were answered.',
    buckets: BUCKETS,
    registers: [registry],
  });
  times.listen((seconds) => duration.observe(seconds));
  return serveRegistry(address, registry, read, log);
}

/**
 * Serves what a registry holds, and the metrics of the process. A port that can't be had is tried again: meanwhile all
 * else works.
 * @param read called before each scrape
 */
export function serveRegistry(
  { host, port }: MetricsAddress,
  registry: Registry,
  read: () => void,
  log: Logger,
): Server {
  collectDefaultMetrics({ register: registry, prefix: PREFIX });
  const answer: RequestListener = (request, response) => {
    request.resume();
    if (request.method !== 'GET' || request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404).end('metrics are at /metrics\n');
      return;
    }
    read();
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  };
  const server = createServer({ headersTimeout: 5_000, requestTimeout: 5_000, maxHeaderSize: 8_192 }, answer);
  server.maxConnections = 16;
  let retry: NodeJS.Timeout | undefined;
  server.on('error', (error) => {
    if (!retry) log.warn({ area: 'metrics' }, `can't serve metrics: ${error.message}`);
    if (!server.listening) retry = setTimeout(() => server.listen(port, host), RETRY).unref();
  });
  server.on('listening', () => {
    const bound = server.address();
    const at = typeof bound === 'object' && bound ? bound.port : port;
    const shown = host.includes(':') ? `[${host}]` : host;
    log.info({ area: 'metrics' }, `serves metrics on http://${shown}:${at}/metrics`);
  });
  server.on('close', () => clearTimeout(retry));
  server.listen(port, host);
  return server;
}

/** @returns takes the report that the next scrape is to be about */
function registerOurs(registry: Registry, report: () => StatusReport): () => void {
  let last: StatusReport | undefined;
  for (const { kind, name, help, labels, samples } of METRICS) {
    const options = { name: `${PREFIX}${name}`, help, labelNames: [...labels], registers: [registry] };
    // Something else counts: at each scrape the numbers are put in anew, those with the same labels together.
    const fill = (metric: Gauge | Counter) => {
      metric.reset();
      for (const [own, value] of last ? samples(last) : []) metric.inc(own, value);
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
