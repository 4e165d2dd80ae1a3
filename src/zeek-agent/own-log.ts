import type { SourceRow } from './filled.ts';

/** Lines that are remembered; whoever asks more rarely than they come has the last ones. */
const REMEMBERED = 1_000;

/** pino's levels as Zeek Agent 1 calls its own; lines below are not remembered. */
const SEVERITIES: Readonly<Record<string, string>> = {
  info: 'Information',
  warn: 'Warning',
  error: 'Error',
  fatal: 'Error',
};

/** The last lines of this program's own log, for queries on `zeek_logger`. */
export class OwnLog {
  #rows: SourceRow[] = [];
  /** The number of the first of them. */
  #first = 0;

  /** A line as pino writes it. */
  take(line: string): void {
    const row = rowOf(line);
    if (!row) return;
    this.#rows.push(row);
    if (this.#rows.length <= REMEMBERED) return;
    this.#rows.shift();
    this.#first += 1;
  }

  /** The lines since the cursor, which is of this process alone; without one, none. */
  since(cursor: number | undefined): { readonly rows: readonly SourceRow[]; readonly cursor: number } {
    const end = this.#first + this.#rows.length;
    const from = cursor === undefined ? end : Math.max(cursor, this.#first);
    return { rows: this.#rows.slice(from - this.#first), cursor: end };
  }
}

/** Seconds, severity, message. */
function rowOf(line: string): SourceRow | undefined {
  try {
    const { level, time, msg } = JSON.parse(line);
    const severity = SEVERITIES[String(level)];
    const seconds = Math.floor(Date.parse(String(time)) / 1_000);
    return severity === undefined || Number.isNaN(seconds)
      ? undefined
      : [String(seconds), severity, String(msg ?? '')];
  } catch {
    return undefined;
  }
}
