import { open, stat } from 'node:fs/promises';
import { type LogReading, readLog } from '../../event-log/event-log-reader-store.ts';
import type { InspectSource } from '../../inspect/conversation.ts';
import { Recording } from '../../inspect/recording.ts';
import { recordTraceLines } from '../../inspect/trace-recording.ts';
import { formatCutOff } from '../../replay/trace-reader.ts';
import { reasonOf } from '../../text/reason.ts';
import { readTraceFile } from '../trace-file.ts';
import { layOutCharts } from './charts.ts';

/** An event log, which is followed while it is looked at, or a trace. Throws where there is neither. */
export async function fileSource(path: string): Promise<InspectSource> {
  return (await isTrace(path)) ? traceSource(path) : logSource(path);
}

async function isTrace(path: string): Promise<boolean> {
  if (!(await stat(path)).isFile()) return false;
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(64), 0, 64, 0);
    return buffer.toString('utf8', 0, bytesRead).startsWith('{"kind":');
  } finally {
    await file.close();
  }
}

function traceSource(path: string): InspectSource {
  return {
    name: { kind: 'trace', name: path },
    charts: layOutCharts,
    open(onProblem) {
      const recording = new Recording(null);
      const read = async () => {
        const cutOff = await recordTraceLines(readTraceFile(path), recording);
        if (cutOff) onProblem(new Error(formatCutOff(cutOff)));
      };
      read().catch(onProblem);
      return { recording, close() {} };
    },
  };
}

async function logSource(path: string): Promise<InspectSource> {
  const isDirectory = (await stat(path)).isDirectory();
  const { base } = await (isDirectory ? readLog(path) : readSegment(path));
  return {
    name: { kind: 'log', name: path },
    charts: layOutCharts,
    open(onProblem) {
      const recording = new Recording(base);
      // Without a base it is not known what the records that are missing said.
      recording.earlier = base?.seq === 0 ? 'nothing' : 'discarded';
      const end = new AbortController();
      const read = async () => {
        const { records } = await readLog(path, isDirectory ? { follow: end.signal } : {});
        for await (const record of records) recording.addRecord(record);
      };
      read().catch(onProblem);
      return { recording, close: () => end.abort() };
    },
  };
}

/** Says at once where a file is no log. */
async function readSegment(path: string): Promise<LogReading> {
  const reading = await readLog(path).catch((error: unknown) => {
    throw new Error(`it is neither a segment of an event log nor a trace: ${reasonOf(error)}`);
  });
  if (reading.base === null && (await stat(path)).size === 0) throw new Error('the file is empty');
  return reading;
}
