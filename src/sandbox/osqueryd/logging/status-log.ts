import { asciiTime, type Clock } from '../clock.ts';
import { StatusFiles } from './status-files.ts';

export const SEVERITY = { info: 0, warning: 1, error: 2 } as const;

export interface StatusLine {
  readonly severity: number;
  readonly file: string;
  readonly line: number;
  readonly message: string;
  readonly unixTime: number;
}

export interface StatusLogOptions {
  readonly clock: Clock;
  readonly pid: number;
  readonly verbose: () => boolean;
  readonly minStatus: () => number;
  readonly write: (text: string) => void;
}

/**
 * osqueryd's own log: each line goes to stderr in glog's form, and into a buffer from which the scheduler relays it to
 * the loggers, until the logger `filesystem` starts: that one shuts glog down and with it the buffer's sink, and has
 * glog write files instead (filesystem_logger.cpp; seen with 5.23.1).
 */
export class StatusLog {
  readonly #options: StatusLogOptions;
  #buffer: StatusLine[] = [];
  #files: StatusFiles | undefined;

  constructor(options: StatusLogOptions) {
    this.#options = options;
  }

  info(file: string, line: number, message: string): void {
    this.#log(SEVERITY.info, file, line, message);
  }

  warning(file: string, line: number, message: string): void {
    this.#log(SEVERITY.warning, file, line, message);
  }

  error(file: string, line: number, message: string): void {
    this.#log(SEVERITY.error, file, line, message);
  }

  /** A line that only --verbose lets out. */
  verbose(file: string, line: number, message: string): void {
    if (this.#options.verbose()) this.#log(SEVERITY.info, file, line, message);
  }

  /** Takes the lines out that have not been relayed. */
  drain(): readonly StatusLine[] {
    const lines = this.#buffer;
    this.#buffer = [];
    return lines;
  }

  /** From now on lines go to files there, and to no logger any more. */
  writeTo(directory: string): void {
    this.#files = new StatusFiles(directory, this.#options.pid);
  }

  get pending(): number {
    return this.#buffer.length;
  }

  #log(severity: number, file: string, line: number, message: string): void {
    const now = this.#options.clock.now();
    const text = `${glogPrefix(severity, now, this.#options.pid)} ${file}:${line}] ${message}`;
    this.#options.write(`${text}\n`);
    if (severity < this.#options.minStatus()) return;
    if (this.#files) {
      this.#files.write(severity, text, now);
      return;
    }
    this.#buffer.push({ severity, file, line, message, unixTime: Math.floor(now / 1000) });
  }
}

/** The payload of a `status` call: keys in osquery's order (osquery.md 4). */
export function statusPayload(lines: readonly StatusLine[], hostIdentifier: string): string {
  return JSON.stringify(
    lines.map((line) => ({
      s: line.severity,
      f: line.file,
      i: line.line,
      m: line.message,
      h: hostIdentifier,
      c: asciiTime(line.unixTime),
      u: line.unixTime,
    })),
  );
}

/** `I1124 05:04:33.875365  2736`: severity, month and day, local time with microseconds, thread. */
function glogPrefix(severity: number, now: number, pid: number): string {
  const date = new Date(now);
  const two = (value: number) => String(value).padStart(2, '0');
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  const micros = String(Math.floor((now % 1000) * 1000)).padStart(6, '0');
  const day = `${two(date.getMonth() + 1)}${two(date.getDate())}`;
  return `${'IWE'[severity] ?? 'I'}${day} ${time}.${micros} ${String(pid).padStart(5, ' ')}`;
}
