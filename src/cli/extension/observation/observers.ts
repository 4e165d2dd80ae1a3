import { reasonOf } from '../../../text/reason.ts';
import type { ExtensionContext } from '../extension-context.ts';
import type { LogCallTimes } from '../ports/log-call-times.ts';
import { type MetricsAddress, serveMetrics } from './metrics-server.ts';
import { serveReload } from './reload-server.ts';
import type { HopReport } from './row-trace/hops.ts';
import { serveTraceRow } from './row-trace/trace-row-server.ts';
import type { StatusReport } from './status-report.ts';
import { serveStatus } from './status-server.ts';

export interface ObserverParts {
  /** The state directory, which has the status socket. */
  readonly directory: string;
  readonly metrics: MetricsAddress | undefined;
  readonly report: () => StatusReport;
  /** The same for `status`, which has the time to ask osquery. */
  readonly status: () => Promise<StatusReport>;
  readonly times: LogCallTimes;
  /** Reads the configuration again. */
  readonly reload: () => void;
  /** Sends a test row to each Zeek, and says how far it comes. */
  readonly trace: (say: (report: HopReport) => void) => Promise<void>;
}

/** Serves status, metrics, reload and test rows; where they can't be served the extension works all the same. */
export async function serveObservers(
  context: ExtensionContext,
  { directory, metrics, report, status, times, reload, trace }: ObserverParts,
): Promise<readonly { close(): void }[]> {
  const wanted: Promise<{ close(): void }>[] = [
    serveStatus(directory, status),
    serveReload(directory, reload),
    serveTraceRow(directory, trace),
  ];
  if (metrics) wanted.push(serveMetrics(metrics, report, times, context.log));
  const served = await Promise.allSettled(wanted);
  return served.flatMap((one) => {
    if (one.status === 'fulfilled') return [one.value];
    context.log.warn({ area: 'status' }, `can't serve status or metrics: ${reasonOf(one.reason)}`);
    return [];
  });
}
