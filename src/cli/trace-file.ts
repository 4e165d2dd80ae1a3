import { closeSync, createReadStream, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Bus } from '../bus/bus.ts';
import { createTraceRecorder, type TraceRecorder } from '../replay/trace-recorder.ts';

/**
 * Records a trace into a file, each line written before the call returns: a crash leaves what led to it. Throws where
 * the file can't be opened. Where it can't be written on (a full disk), the recording ends there, for those who are
 * recorded must not suffer from it.
 * @param onProblem called once, with why the recording has ended
 */
export function recordTrace(
  path: string,
  bus: Bus,
  now: () => number,
  version: string,
  onProblem: (error: unknown) => void,
): TraceRecorder & { close(): void } {
  const file = openSync(path, 'a', 0o600);
  let isWriting = true;
  const write = (line: string) => {
    if (!isWriting) return;
    try {
      writeWhole(file, Buffer.from(`${line}\n`));
    } catch (error) {
      isWriting = false;
      onProblem(error);
    }
  };
  const recorder = createTraceRecorder({ write, now, version });
  const unsubscribe = bus.subscribe(['>'], recorder.onMessage);
  return {
    ...recorder,
    close() {
      unsubscribe();
      closeSync(file);
    },
  };
}

/** Writes all or, where that fails, nothing: a disk that is nearly full takes a part, which would be no line. */
function writeWhole(file: number, bytes: Buffer): void {
  let written = 0;
  try {
    while (written < bytes.length) written += writeSync(file, bytes, written);
  } catch (error) {
    if (written > 0) ftruncateSync(file, fstatSync(file).size - written);
    throw error;
  }
}

/** The lines of a trace file. */
export function readTraceFile(path: string): AsyncIterable<string> {
  return createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Number.POSITIVE_INFINITY });
}
