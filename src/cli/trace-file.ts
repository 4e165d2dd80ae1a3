import {
  closeSync,
  createReadStream,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs';
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
  const file = openSync(path, 'a+', 0o600);
  cutUnfinished(file);
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

/** Cuts off the line that a crash has left unfinished at the end: else what follows would be no line either. */
function cutUnfinished(file: number): void {
  const block = Buffer.alloc(64 * 1024);
  const { size } = fstatSync(file);
  for (let end = size; end > 0; end -= block.length) {
    const start = Math.max(0, end - block.length);
    const read = readSync(file, block, 0, end - start, start);
    const newline = block.subarray(0, read).lastIndexOf(0x0a);
    if (newline < 0 && start > 0) continue;
    const whole = newline < 0 ? 0 : start + newline + 1;
    if (whole < size) ftruncateSync(file, whole);
    return;
  }
}

/** The lines of a trace file, each with its line feed; of a file that is cut off the last one has none. */
export async function* readTraceFile(path: string): AsyncGenerator<string> {
  const begun: string[] = [];
  for await (const chunk of createReadStream(path, 'utf8') as AsyncIterable<string>) {
    let start = 0;
    for (let end = chunk.indexOf('\n') + 1; end > 0; end = chunk.indexOf('\n', start) + 1) {
      yield `${begun.splice(0).join('')}${chunk.slice(start, end)}`;
      start = end;
    }
    if (start < chunk.length) begun.push(chunk.slice(start));
  }
  if (begun.length > 0) yield begun.join('');
}
