import { mkdirSync } from 'node:fs';
import type { Logger } from 'pino';
import { Registry } from 'prom-client';
import { type MetricsAddress, PREFIX, serveRegistry } from '../extension/observation/metrics-server.ts';
import { serveStatus } from '../extension/observation/status-server.ts';
import { registerGatewayMetrics } from './metrics.ts';
import type { GatewayReport } from './report.ts';

/** Serves status and metrics of a gateway. That one of them fails is no reason to do no work. */
export async function serveGateway(
  stateDirectory: string,
  metrics: MetricsAddress | undefined,
  report: () => GatewayReport,
  log: Logger,
): Promise<{ close(): void }> {
  const servers: { close(): void }[] = [];
  try {
    mkdirSync(stateDirectory, { recursive: true, mode: 0o700 });
    servers.push(await serveStatus(stateDirectory, report));
  } catch (error) {
    log.error({ area: 'gateway', err: error }, `can't serve the status in ${stateDirectory}`);
  }
  if (metrics) {
    const registry = new Registry();
    servers.push(serveRegistry(metrics, registry, registerGatewayMetrics(registry, PREFIX, report), log));
  }
  return {
    close() {
      for (const server of servers) server.close();
    },
  };
}
