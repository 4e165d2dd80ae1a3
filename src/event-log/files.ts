/**
 * The files of a log's directory:
 *
 *     segment-0000000000000001.jsonl    records from that sequence number on
 *     snapshot-0000000000004711.json    the state after that record
 *     lock, writer.json                 who writes
 */

/** The folder of the log inside a state directory. */
export const LOG_FOLDER = 'event-log';

export const LOCK_FILE = 'lock';
export const WRITER_FILE = 'writer.json';

const SEGMENT = /^segment-(\d{16})\.jsonl$/;
const SNAPSHOT = /^snapshot-(\d{16})\.json$/;

/** A segment's name by the sequence number of its first record. */
export function segmentName(firstSeq: number): string {
  return `segment-${String(firstSeq).padStart(16, '0')}.jsonl`;
}

/** A snapshot's name by the sequence number of the last record in it. */
export function snapshotName(seq: number): string {
  return `snapshot-${String(seq).padStart(16, '0')}.json`;
}

/** A log file by the sequence number in its name. */
export interface LogFile {
  readonly name: string;
  readonly seq: number;
}

/** The segments and snapshots among the names, each in order. */
export function logFiles(names: readonly string[]): {
  readonly segments: readonly LogFile[];
  readonly snapshots: readonly LogFile[];
} {
  return { segments: matching(names, SEGMENT), snapshots: matching(names, SNAPSHOT) };
}

function matching(names: readonly string[], pattern: RegExp): LogFile[] {
  return names
    .flatMap((name) => {
      const digits = pattern.exec(name)?.[1];
      return digits === undefined ? [] : [{ name, seq: Number(digits) }];
    })
    .sort((a, b) => a.seq - b.seq);
}

/** The segments that hold records after `seq`: the last one that starts at or before `seq` + 1, and all later. */
export function segmentsAfter(segments: readonly LogFile[], seq: number): readonly LogFile[] {
  const first = segments.findLastIndex((segment) => segment.seq <= seq + 1);
  return segments.slice(Math.max(0, first));
}
