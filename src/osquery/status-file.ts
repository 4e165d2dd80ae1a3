import type { StatusLine, StatusSeverity } from './status-log.ts';

/**
 * osqueryd's own log as its logger plugin `filesystem` has glog write it: `E1124 05:04:33.875365  2736
 * scheduler.cpp:128] text`, in the host's local time, without the year (googleLogCustomPrefix in its logger.cpp).
 */

/** A file of that log: `osqueryd.WARNING.20261124-050430.2731`. */
export interface StatusFile {
  readonly name: string;
  /** The lowest severity that it has; it has all above, too. */
  readonly severity: StatusSeverity;
  /** When it was begun, as the host's clock on the wall says: `20261124-050430`. */
  readonly begun: string;
  /** Of the process that writes it. */
  readonly pid: number;
}

const FILE_NAME = /^osqueryd\.(INFO|WARNING|ERROR)\.(\d{8}-\d{6})\.(\d+)$/;
const SEVERITIES = { INFO: 'info', WARNING: 'warning', ERROR: 'error' } as const;
const LINE = /^([IWEF])(\d\d)(\d\d) (\d\d):(\d\d):(\d\d)\.\d{6} +\d+ ([^ :\]]+):(\d+)\] (.*)$/s;

/** The files among those names, in the order in which they were begun. */
export function statusFiles(names: readonly string[]): StatusFile[] {
  return names
    .flatMap((name) => {
      const [, severity, begun, pid] = FILE_NAME.exec(name) ?? [];
      if (severity === undefined || begun === undefined) return [];
      return [{ name, severity: SEVERITIES[severity as keyof typeof SEVERITIES], begun, pid: Number(pid) }];
    })
    .sort((a, b) => (a.begun === b.begun ? a.pid - b.pid : a.begun < b.begun ? -1 : 1));
}

/**
 * The lines of a piece of such a file that begins at the beginning of a line. What follows a line without a head of
 * its own is part of its text: osqueryd quotes SQL with its line breaks. glog's own first lines are left out.
 */
export function parseStatusFile(text: string, { begun }: Pick<StatusFile, 'begun'>): StatusLine[] {
  const lines: (StatusLine & { message: string })[] = [];
  for (const piece of text.split('\n')) {
    const match = LINE.exec(piece);
    const last = lines.at(-1);
    if (match) lines.push(statusLine(match, begun));
    else if (last) last.message += `\n${piece}`;
  }
  for (const line of lines) line.message = line.message.trimEnd();
  return lines;
}

function statusLine(match: RegExpExecArray, begun: string): StatusLine & { message: string } {
  const [, letter, month, day, hour, minute, second, file = '', line, message = ''] = match;
  const [year, firstMonth] = [Number(begun.slice(0, 4)), Number(begun.slice(4, 6))];
  // A file that is written over New Year has lines of the next.
  const own = Number(month) < firstMonth ? year + 1 : year;
  const time = new Date(own, Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
  return {
    severity: letter === 'I' ? 'info' : letter === 'W' ? 'warning' : 'error',
    file,
    line: Number(line),
    message,
    host: '',
    time: Math.floor(time.getTime() / 1_000),
  };
}
