import { closeSync, createReadStream, openSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Bus } from '../bus/bus.ts';
import { createTraceRecorder, type TraceRecorder } from '../replay/trace-recorder.ts';

/** Records a trace into a file, each line written before the call returns: a crash leaves what led to it. */
export function recordTrace(
  path: string,
  bus: Bus,
  now: () => number,
  version: string,
): TraceRecorder & { close(): void } {
  const file = openSync(path, 'a', 0o600);
  const recorder = createTraceRecorder({ write: (line) => writeSync(file, `${line}\n`), now, version });
  const unsubscribe = bus.subscribe(['>'], recorder.onMessage);
  return {
    ...recorder,
    close() {
      unsubscribe();
      closeSync(file);
    },
  };
}

/** The lines of a trace file. */
export function readTraceFile(path: string): AsyncIterable<string> {
  return createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Number.POSITIVE_INFINITY });
}
