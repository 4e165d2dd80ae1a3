import { printableJson } from '../../replay/printable.ts';
import { statusSocket } from '../extension/observation/status-report.ts';
import { fetchReport, StatusError } from '../status/status-client.ts';
import { formatGateway } from './format.ts';
import { type GatewayReport, gatewayReport } from './report.ts';

/** Asks the gateway over that state directory how it stands. Rejects with a {@link StatusError}. */
export async function fetchGatewayReport(socket: string): Promise<GatewayReport> {
  const parsed = gatewayReport.safeParse(await fetchReport(socket));
  if (parsed.success) return parsed.data;
  const place = parsed.error.issues[0]?.path.join('.') || 'the top level';
  throw new StatusError(
    'unreadable',
    `${socket} is of no gateway of this version: something else at ${place}`,
  );
}

/** The lines of `status --gateway`. Rejects with a {@link StatusError}. */
export async function gatewayStatusLines(
  { stateDir, socket }: { readonly stateDir: string; readonly socket?: string },
  json: boolean,
  now: number,
): Promise<readonly string[]> {
  const report = await fetchGatewayReport(socket ?? statusSocket(stateDir));
  return json ? [printableJson(JSON.stringify(report))] : formatGateway(report, now);
}
