import type { StatusLine, StatusSeverity } from '../../../osquery/status-log.ts';
import type { Notice } from '../../../vocabulary/model.ts';
import type { ExtensionContext } from '../extension-context.ts';
import type { BroLinks } from './bro-links.ts';

const RANK: Readonly<Record<StatusSeverity, number>> = { info: 0, warning: 1, error: 2 };
const LEVEL: Readonly<Record<StatusSeverity, Notice['level']>> = {
  info: 'log',
  warning: 'warning',
  error: 'error',
};

/** Lines that Bros are told in a minute; osquery can be very talkative when something is wrong. */
const LINES_PER_MINUTE = 60;
const MINUTE = 60_000;

/** Tells Bros what osquery says of itself, from the configured severity on and no more than a Bro can bear. */
export class StatusForwarder {
  readonly #context: ExtensionContext;
  readonly #links: BroLinks;
  #since = 0;
  #told = 0;
  #withheld = 0;

  constructor(context: ExtensionContext, links: BroLinks) {
    this.#context = context;
    this.#links = links;
  }

  take(lines: readonly StatusLine[]): void {
    const { forwardStatus } = this.#context.settings();
    if (forwardStatus === 'off') return;
    for (const line of lines) {
      if (RANK[line.severity] < RANK[forwardStatus]) continue;
      if (this.#isAllowed()) {
        this.#tell(LEVEL[line.severity], `osquery: ${line.message} (${line.file}:${line.line})`);
      } else this.#withheld += 1;
    }
  }

  #isAllowed(): boolean {
    const now = this.#context.runtime.now();
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
    for (const link of this.#links.all()) link.tell({ level, text }).catch(() => {});
  }
}
