import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';
import {
  type HopReport,
  hopReport,
  TRACE_ROW,
  traceRowSocket,
} from '../extension/observation/row-trace/hops.ts';
import { type Finding, ok, problem } from './finding.ts';

/** Milliseconds without a word of the extension: longer than it takes to give a row up. */
const PATIENCE = 45_000;

/** Has the running extension send a test row to each Zeek. Rejects where nobody answers there. */
export async function traceRow(directory: string): Promise<Finding[]> {
  const socket = createConnection({ path: traceRowSocket(directory) });
  socket.setTimeout(PATIENCE, () => socket.destroy(new Error(`no answer within ${PATIENCE / 1_000} s`)));
  socket.write(TRACE_ROW);
  const lines = createInterface({ input: socket });
  const findings: Finding[] = [];
  const failed = new Promise<never>((_, reject) => socket.once('error', reject));
  const read = async () => {
    for await (const line of lines) findings.push(findingOf(hopReport.parse(JSON.parse(line))));
  };
  await Promise.race([read(), failed]);
  return findings;
}

function findingOf({ peer, hop, ok: isReached, milliseconds, text, advice }: HopReport): Finding {
  const what = `test row${peer === '' ? '' : ` for ${peer}`}, ${hop}: ${text} (${milliseconds} ms)`;
  return isReached ? ok(what) : problem(what, advice);
}
