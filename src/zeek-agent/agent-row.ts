import type { Host } from '../vocabulary/model.ts';
import { agentVersionNumber, platformName } from '../vocabulary/zeek-agent-2.ts';
import type { SourceRow } from './filled.ts';

/** The one row of `zeek_agent`: what this agent is, as its hello says it. `uptime`: of this process, in milliseconds. */
export function agentRow(host: Host, uptime: number): SourceRow {
  const known = (text: string) => (text === '' ? null : text);
  return [
    host.id,
    host.instanceId,
    host.hostname,
    JSON.stringify(host.addresses),
    known(platformName(host)),
    known(host.osName),
    known(host.kernelName),
    known(host.kernelVersion),
    known(host.kernelArch),
    String(agentVersionNumber(host.agentVersion)),
    'n/a',
    String(BigInt(Math.max(0, Math.trunc(uptime))) * 1_000_000n),
    JSON.stringify(host.tables),
  ];
}
