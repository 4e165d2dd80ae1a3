import { Collector, type ReportFacts } from '../../report/collector.ts';
import { LogLines } from '../../report/log-row.ts';
import type { ReadFiles } from '../../report/page-hosts.ts';
import { reasonOf } from '../../text/reason.ts';
import { findLogFiles, type LogFile, linesOf } from './log-files.ts';

/** Which lines count, in milliseconds since the epoch. */
export interface Span {
  readonly since: number;
  readonly until: number;
}

/** A line of an earlier time has no time at all: Zeek writes 0 where it knows none. */
const EARLIEST = Date.UTC(2000, 0, 1);

/** Reads all logs of a folder once, a piece at a time. @throws the system's error where the folder can't be read */
export async function readLogs(
  folder: string,
  { since, until }: Span,
  isInterrupted: () => boolean = () => false,
): Promise<{ readonly facts: ReportFacts; readonly read: ReadFiles }> {
  const files = findLogFiles(folder);
  const collector = new Collector();
  const problems: string[] = [];
  let unreadable = 0;
  let bytes = 0;

  const readFile = async (file: LogFile) => {
    const reader = new LogLines();
    for await (const lines of linesOf(file)) {
      if (isInterrupted()) return;
      for (const text of lines) {
        const line = text === undefined ? UNREADABLE : reader.read(text);
        if (line.kind === 'unreadable') unreadable += 1;
        if (line.kind !== 'row') continue;
        const time = line.row.time('ts');
        if (time === undefined || time < EARLIEST) unreadable += 1;
        else if (time >= since && time <= until) collector.take(reader.path ?? file.log, line.row, time);
      }
    }
  };

  for (const file of files) {
    bytes += file.bytes;
    try {
      await readFile(file);
    } catch (error) {
      // What was read of it before it broke off counts: a compressed file that is being written, say.
      problems.push(`${file.path}: ${reasonOf(error)}`);
    }
  }
  return { facts: collector.facts(), read: { folder, files: files.length, bytes, unreadable, problems } };
}

const UNREADABLE = { kind: 'unreadable' } as const;
