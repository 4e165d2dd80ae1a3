import type { Logger } from 'pino';
import { isMalformed } from '../osquery/log-item.ts';
import { LogReader } from '../osquery/log-reader.ts';
import { loggerNames } from '../osquery/logger-names.ts';
import type { OsqueryOption } from '../osquery/manager-values.ts';
import type { ResultLog } from '../osquery/result-log-store.ts';
import { reasonOf } from '../text/reason.ts';
import type { Courier } from './courier.ts';
import type { Marks } from './marks.ts';
import type { Deliverable } from './ports.ts';

/** Bytes of each of osqueryd's two result logs that are looked through, from its end. */
const MAX_BYTES = 64 * 1024 * 1024;
/** Bytes of lines that make an entry of the journal. */
const ENTRY_BYTES = 512 * 1024;
/** What a line of ours has in it; it may be in another's row too, so that only a hit is parsed. */
const OURS = Buffer.from('"name":"bro_');

export interface MissedResultsParts {
  readonly courier: Pick<Courier, 'take' | 'caughtUp'>;
  readonly marks: Marks;
  /** The queries whose rows are to be delivered. */
  readonly deliverables: { readonly size: number; find(name: string): Deliverable | undefined };
  /** osqueryd's result logs in that directory, so many bytes of each from its end. */
  readonly resultLogs: (directory: string, maxBytes: number) => AsyncIterable<ResultLog>;
  readonly log: Pick<Logger, 'info'>;
  /** osqueryd's flags. */
  readonly flags: () => ReadonlyMap<string, OsqueryOption>;
}

/** One taking. */
interface Taking {
  readonly waiting: Uint8Array | undefined;
  readonly signal: AbortSignal;
  /** When osquery ran the latest of what had come before, in seconds since the epoch. */
  readonly latest: number;
}

/** What there was to be found. */
export interface Recovery {
  readonly rows: number;
  /** Why rows may be missing all the same; empty if none can be. */
  readonly doubt: string;
}

/**
 * Results that osqueryd computed while its log calls were not answered, as between a crash and the next start. Its
 * logger `filesystem`, which is to stand behind ours, has written them down, and osqueryd will not tell them again: a
 * differential query reports each change once. So they are taken from there, before the first call that comes is
 * answered, which keeps the rows of each query in their order.
 */
export class MissedResults {
  #rows = 0;
  readonly #parts: MissedResultsParts;

  constructor(parts: MissedResultsParts) {
    this.#parts = parts;
  }

  /** Rows taken so far. */
  get rows(): number {
    return this.#rows;
  }

  /**
   * @param waiting the line of the call that waits, where one does: it and what is behind it come by themselves
   * @param signal aborted where the rest is to be left to the next life
   * @returns never rejects: what can't be read is a doubt
   */
  async take(waiting: Uint8Array | undefined, signal: AbortSignal): Promise<Recovery> {
    const { flags, courier, marks, deliverables } = this.#parts;
    if (deliverables.size === 0) return { rows: 0, doubt: '' };
    if (!loggerNames(flags()).includes('filesystem')) {
      return { rows: 0, doubt: 'osqueryd has no logger `filesystem` to recover them from' };
    }
    const directory = flags().get('logger_path')?.value ?? '';
    const before = this.#rows;
    let doubt = '';
    try {
      // What was received in the former process, or just now, must be told apart from what was not.
      await courier.caughtUp();
      // By what is taken now the marks move on.
      const { latest } = marks;
      for await (const log of this.#parts.resultLogs(directory, MAX_BYTES)) {
        const found = await this.#takeFrom(log, { waiting, signal, latest });
        if (found !== '') doubt = found;
      }
      await courier.caughtUp();
    } catch (error) {
      doubt = `osqueryd's log in ${directory} can't be read: ${reasonOf(error)}`;
    }
    const rows = this.#rows - before;
    if (rows > 0) {
      this.#parts.log.info(
        { area: 'logger', rows },
        `recovered missed rows from osqueryd's log in ${directory}`,
      );
    }
    return { rows, doubt };
  }

  /** @returns why rows may be missing that it should have; empty if none can be */
  async #takeFrom(log: ResultLog, { waiting, signal, latest }: Taking): Promise<string> {
    const { path, isWhole, lines } = log;
    const { marks, deliverables } = this.#parts;
    const isMissed = marks.sieve();
    // What reaches back to a run that came to us has all that came after it; where none came, to its beginning.
    let reachesBack = isWhole && !this.#shouldHaveMore(log);
    let entry: Buffer[] = [];
    let rows = 0;
    let bytes = 0;
    const hand = async () => {
      if (entry.length > 0) await this.#hand(Buffer.concat(entry), rows);
      entry = [];
      rows = 0;
      bytes = 0;
    };
    for await (const line of lines) {
      if (signal.aborted) return 'the extension stopped before all were recovered';
      if (waiting && line.equals(waiting)) break;
      if (!reachesBack) reachesBack = timeOf(line) <= latest;
      if (!line.includes(OURS)) continue;
      const run = runOf(line);
      if (!run || !deliverables.find(run.name) || !isMissed(run)) continue;
      rows += run.rowCount;
      entry.push(line, LINE_BREAK);
      bytes += line.length;
      if (bytes >= ENTRY_BYTES) await hand();
    }
    await hand();
    if (reachesBack) return '';
    return isWhole
      ? `older lines of ${path} have been removed`
      : `${path} has grown by more than ${MAX_BYTES} bytes since`;
  }

  /** Whether something has come to us that osqueryd has written there too. */
  #shouldHaveMore({ hasSnapshots }: ResultLog): boolean {
    const { marks, deliverables } = this.#parts;
    return marks.hasSome((name) => {
      const query = deliverables.find(name)?.query;
      return query !== undefined && (query.updateType === 'SNAPSHOT') === hasSnapshots;
    });
  }

  async #hand(payload: Buffer, rows: number): Promise<void> {
    const { accepted } = await this.#parts.courier.take({ kind: 'log', header: null, payload });
    // What the journal doesn't take is declared as any other loss of its kind.
    if (accepted) this.#rows += rows;
  }
}

const LINE_BREAK = Buffer.from('\n');

function runOf(line: Uint8Array) {
  const reader = new LogReader(line, 'lines');
  reader.advance();
  const [item] = reader.items;
  return item && !isMalformed(item) ? item : undefined;
}

/** When the query of any line ran, in seconds since the epoch; Infinity where that can't be told. */
function timeOf(line: Buffer): number {
  const at = line.lastIndexOf('"unixTime":');
  const time = at < 0 ? Number.NaN : Number.parseInt(line.toString('latin1', at + 11, at + 31), 10);
  return Number.isNaN(time) ? Number.POSITIVE_INFINITY : time;
}
