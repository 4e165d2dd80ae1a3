import type { BroLink, BroLinks } from '../../../../conversation/bro-links.ts';
import type { Deliverables, SubscribedQuery } from '../../../../delivery/deliverables.ts';
import type { DeliveryCounts } from '../../../../delivery/delivery-counts.ts';
import type { ManagerClient } from '../../../../osquery/manager-client.ts';
import type { ScheduleEntry } from '../../../../schedule/render.ts';
import { reasonOf } from '../../../../text/reason.ts';
import type { Column, Host, VocabularyId } from '../../../../vocabulary/model.ts';
import type { Vocabularies } from '../../../../vocabulary/vocabularies.ts';
import type { RowEncoder } from '../../../../vocabulary/vocabulary.ts';
import { HOPS, type HopName, type HopReport, obstacle, passed, type Sight, UNREACHED } from './hops.ts';

export interface RowTraceParts {
  readonly links: Pick<BroLinks, 'all'>;
  readonly deliverables: Pick<Deliverables, 'lend' | 'takeBack'>;
  readonly counts: () => readonly DeliveryCounts[];
  /** Has osquery run these besides what is scheduled, in place of those before. Rejects with why it does not. */
  readonly schedule: (extra: Readonly<Record<string, ScheduleEntry>>) => Promise<unknown>;
  readonly client: Pick<ManagerClient, 'query'>;
  readonly vocabularies: () => Vocabularies;
  /** Undefined until osquery has described it. */
  readonly host: () => Host | undefined;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly uuid: () => string;
  /** Resolves after milliseconds. */
  readonly pause: (milliseconds: number) => Promise<unknown>;
}

/** Milliseconds that a row may take all in all, and between two looks at how far it is. */
const PATIENCE = 20_000;
const LOOK = 50;
const COLUMNS: readonly Column[] = [{ name: 'test_row', type: 'TEXT' }];

/** A test row on its way to a Zeek. */
interface TestRow {
  readonly link: BroLink;
  readonly name: string;
  readonly reached: Set<HopName>;
}

/**
 * Sends a test row of its own to each Zeek that is connected, the whole way that rows go: osqueryd runs a query without
 * tables, its logger call brings the row, journal and courier bring it to the Zeek, as an event of the Zeek's vocabulary
 * that writes a line into its log. No subscription sees any of it, and nothing is left of it afterwards.
 */
export class RowTrace {
  readonly #parts: RowTraceParts;
  #isRunning = false;

  constructor(parts: RowTraceParts) {
    this.#parts = parts;
  }

  /** Says of each hop when it was reached, or why not. One trace at a time. */
  async run(say: (report: HopReport) => void): Promise<void> {
    const { links, now } = this.#parts;
    const began = now();
    const fail = (text: string, advice: string, hop: HopName = 'schedule', peer = '') =>
      say({ peer, hop, ok: false, milliseconds: now() - began, text, advice });
    if (this.#isRunning) return fail('another test row is under way', 'wait for its end');
    const connected = links.all();
    if (connected.length === 0) {
      return fail('no Zeek is connected', 'see above, or `bro-osquery status`, for the reason', 'link');
    }
    this.#isRunning = true;
    const mark = this.#parts.uuid().slice(0, 8);
    const rows: TestRow[] = [];
    for (const [index, link] of connected.entries()) {
      const row = { link, name: `bro_test_${mark}_${index + 1}`, reached: new Set<HopName>() };
      const problem = this.#lend(row, mark);
      if (problem === null) rows.push(row);
      else fail(problem, 'load the Zeek package of this project there', 'encoding', link.peer);
    }
    try {
      if (rows.length > 0) await this.#follow(rows, mark, { began, say, fail });
    } finally {
      for (const { name } of rows) this.#parts.deliverables.takeBack(name);
      if (rows.length > 0) await this.#parts.schedule({}).catch(() => {});
      this.#isRunning = false;
    }
  }

  async #follow(
    rows: readonly TestRow[],
    mark: string,
    {
      began,
      say,
      fail,
    }: {
      readonly began: number;
      readonly say: (report: HopReport) => void;
      readonly fail: (text: string, advice: string, hop: HopName, peer?: string) => void;
    },
  ): Promise<void> {
    const { now } = this.#parts;
    const query = { query: sqlOf(mark), interval: 1, removed: false, startup_priority: 1 } as const;
    try {
      await this.#parts.schedule(Object.fromEntries(rows.map(({ name }) => [name, query])));
    } catch (error) {
      return fail(
        `osqueryd did not take the test query: ${reasonOf(error)}`,
        UNREACHED.schedule[1],
        'schedule',
      );
    }
    say({
      ...{ peer: '', hop: 'schedule', ok: true, milliseconds: now() - began, advice: '' },
      text: `osqueryd has ${rows.length === 1 ? 'a test query' : `${rows.length} test queries`} in its schedule`,
    });
    const open = new Set(rows);
    while (open.size > 0 && now() - began < PATIENCE) {
      const ran = await this.#ran();
      const counts = new Map(this.#parts.counts().map((one) => [one.name, one]));
      for (const row of open) {
        const sight: Sight = { ran: ran.has(row.name), counts: counts.get(row.name) };
        this.#tell(row, sight, (hop, text) =>
          say({ peer: row.link.peer, hop, ok: true, milliseconds: now() - began, text, advice: '' }),
        );
        const stopped = obstacle(sight);
        if (stopped) fail(stopped.why, UNREACHED[stopped.hop][1], stopped.hop, row.link.peer);
        if (stopped || row.reached.has('confirmation')) open.delete(row);
      }
      if (open.size > 0) await this.#parts.pause(LOOK);
    }
    for (const { link, reached } of open) {
      const next = HOPS.find((hop) => hop !== 'schedule' && !reached.has(hop)) ?? 'confirmation';
      const [why, advice] = UNREACHED[next];
      fail(`${why} within ${PATIENCE / 1_000} s`, advice, next, link.peer);
    }
  }

  #tell({ link, reached }: TestRow, sight: Sight, tell: (hop: HopName, text: string) => void): void {
    for (const hop of passed(sight)) {
      if (reached.has(hop)) continue;
      reached.add(hop);
      tell(hop, this.#text(hop, link));
    }
  }

  #text(hop: HopName, link: BroLink): string {
    const scripts = link.packageVersion() !== '';
    const texts: Readonly<Record<HopName, string>> = {
      schedule: '',
      scheduler: 'osqueryd has run it',
      'log call': 'osqueryd has called the logger with its row',
      journal: 'the row is in the journal',
      encoding: `it is an event of the vocabulary ${vocabularyOf(link)}`,
      link: 'it is sent',
      confirmation: scripts
        ? "the Zeek's scripts have confirmed it"
        : "the Zeek's transport has confirmed it",
    };
    return texts[hop];
  }

  /** Has the courier deliver the row. @returns why it can't be; null if it can */
  #lend({ link, name }: TestRow, mark: string): string | null {
    const { deliverables, vocabularies, host, now } = this.#parts;
    const described = host();
    if (!described) return 'osquery has not described the host yet';
    const id = vocabularyOf(link);
    const text = `test row ${mark} of bro-osquery doctor --trace-row has arrived`;
    const message = () =>
      vocabularies()
        .get(id)
        ?.notice({ level: 'log', text }, described, { at: now(), packageVersion: link.packageVersion() });
    const made = message();
    if (!made) return `the Zeek's vocabulary ${id} has no event that could carry a test row`;
    const encode: RowEncoder = () => message() ?? made;
    const query: SubscribedQuery['query'] = {
      ...{ vocabulary: id, event: made.event.name, sql: sqlOf(mark), cookie: '', interval: 1 },
      ...{ responseTopic: made.topic, updateType: 'ADDED', initialRows: true, queryId: '', zeekInstance: '' },
    };
    deliverables.lend({ name, peer: link.peer, query, columns: COLUMNS, subscribedAt: now() }, encode);
    return null;
  }

  async #ran(): Promise<ReadonlySet<string>> {
    const rows = await this.#parts.client
      .query("SELECT name FROM osquery_schedule WHERE name LIKE 'bro_test_%' AND executions > 0")
      // osqueryd may be busy with the very query.
      .catch(() => []);
    return new Set(rows.map((row) => row['name'] ?? ''));
  }
}

const sqlOf = (mark: string): string => `SELECT '${mark}' AS test_row`;

/** That in which the Zeek has spoken; a Zeek that has not yet is one for whom the host speaks its own. */
function vocabularyOf(link: BroLink): VocabularyId {
  return link.vocabulariesSpoken()[0] ?? 'zeek-osquery';
}
