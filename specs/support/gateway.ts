import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { pino } from 'pino';
import type { GatewayReport } from '../../src/cli/gateway/report.ts';
import { type RunningGateway, runGateway } from '../../src/cli/gateway/run-gateway.ts';
import { parseGatewaySettings } from '../../src/gateway/parse-settings.ts';
import { eventually } from './eventually.ts';

/** A gateway in this process, listening on a port of its own at 127.0.0.1. */
export interface TestGateway {
  readonly port: number;
  /** `broker://127.0.0.1:port` */
  readonly address: string;
  readonly audited: readonly Record<string, unknown>[];
  report(): GatewayReport;
  drain(): Promise<void>;
}

/** Starts a gateway to these addresses and waits until it listens; it ends with the test. */
export async function startGateway(
  t: TestContext,
  zeek: string | readonly string[],
  config: Readonly<Record<string, unknown>> = {},
): Promise<TestGateway> {
  const directory = mkdtempSync(join(tmpdir(), 'gateway-'));
  const parsed = parseGatewaySettings({
    zeek,
    // At NATS hosts need no port.
    ...(config['nats'] ? {} : { listen: 'broker://127.0.0.1:0' }),
    state_dir: directory,
    ...config,
  });
  if ('problems' in parsed) throw new Error(parsed.problems.join('\n'));
  const audited: Record<string, unknown>[] = [];
  const gateway: RunningGateway = runGateway({
    settings: parsed.settings,
    log: pino({ level: process.env['SPEC_LOG'] ?? 'silent' }),
    audit: { write: (line) => void audited.push(JSON.parse(line)) },
    ...{ now: Date.now, chance: Math.random, uuid: () => crypto.randomUUID() },
    ...{ name: String(config['name'] ?? 'spec-gateway'), version: '0.0.0' },
  });
  const drain = async () => {
    gateway.drain();
    await gateway.ended;
  };
  t.after(async () => {
    await drain();
    rmSync(directory, { recursive: true, force: true });
  });
  if (parsed.settings.listen) await eventually('the gateway listens', () => gateway.report().port !== null);
  if (parsed.settings.nats)
    await eventually('it serves a share of the hosts', () => served(gateway.report()) > 0);
  const port = gateway.report().port ?? 0;
  return { port, address: `broker://127.0.0.1:${port}`, audited, report: () => gateway.report(), drain };
}

/** Partitions of hosts at NATS that a gateway serves. */
export function served(report: GatewayReport): number {
  return report.nats?.partitions.length ?? 0;
}
