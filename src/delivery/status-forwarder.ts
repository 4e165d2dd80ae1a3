import type { StatusLine, StatusSeverity } from '../osquery/status-log.ts';
import type { Notice } from '../vocabulary/model.ts';

const RANK: Readonly<Record<StatusSeverity, number>> = { info: 0, warning: 1, error: 2 };
const LEVEL: Readonly<Record<StatusSeverity, Notice['level']>> = {
  info: 'log',
  warning: 'warning',
  error: 'error',
};

/** Lines that are sent to Bros in a minute; osquery can log a lot when something is wrong. */
const LINES_PER_MINUTE = 60;
const MINUTE = 60_000;

export interface ForwarderParts {
  /** The lowest severity that is sent to Bros. */
  readonly severity: () => StatusSeverity | 'off';
  /** Says it to each Bro that is there. */
  readonly tell: (notice: Notice) => void;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Tells Bros what osquery says of itself, from the configured severity on and no more than a Bro can bear. */
export class StatusForwarder {
  readonly #parts: ForwarderParts;
  #since = 0;
  #told = 0;
  #withheld = 0;

  constructor(parts: ForwarderParts) {
    this.#parts = parts;
  }

  take(lines: readonly StatusLine[]): void {
    const forwardStatus = this.#parts.severity();
    if (forwardStatus === 'off') return;
    for (const line of lines) {
      if (RANK[line.severity] < RANK[forwardStatus]) continue;
      if (this.#isAllowed()) {
        this.#tell(LEVEL[line.severity], `osquery: ${line.message} (${line.file}:${line.line})`);
      } else this.#withheld += 1;
    }
  }

  #isAllowed(): boolean {
    const now = this.#parts.now();
    if (now - this.#since >= MINUTE) {
      if (this.#withheld > 0) this.#tell('warning', `osquery: ${this.#withheld} more lines were suppressed`);
      this.#since = now;
      this.#told = 0;
      this.#withheld = 0;
    }
    this.#told += 1;
    return this.#told <= LINES_PER_MINUTE;
  }

  #tell(level: Notice['level'], text: string): void {
    this.#parts.tell({ level, text });
  }
}
