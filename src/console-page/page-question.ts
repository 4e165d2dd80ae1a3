import { Answers } from '../console/answers.ts';
import type { Item, Question } from '../console/model.ts';
import type { Asked, ConsoleSession } from '../console/session-client.ts';
import type { FromServer, PageRow } from './protocol.ts';

/** Milliseconds in which news for the page is gathered, and rows in one message. */
const GATHER = 100;
const MOST_ROWS = 2_000;

export interface QuestionParts {
  readonly session: Pick<ConsoleSession, 'ask'>;
  readonly ask: number;
  readonly question: Question;
  readonly say: (message: FromServer) => void;
  readonly onOver: () => void;
}

/** A question of a page: what comes of it is gathered, and told some times a second. */
export class PageQuestion {
  readonly #parts: QuestionParts;
  readonly #answers = new Answers();
  readonly #asked: Asked;
  #rows: PageRow[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(parts: QuestionParts) {
    this.#parts = parts;
    this.#asked = parts.session.ask(parts.question, (item) => this.#take(item));
  }

  stop(reason = 'stopped on the page'): void {
    if (this.#isOver) return;
    this.#asked.stop(reason);
    this.#over(reason, '');
  }

  #take(item: Item): void {
    if (this.#isOver) return;
    if (item.kind === 'refused' || item.kind === 'ended') {
      if (item.kind === 'refused') this.#over('', item.text);
      else this.#over(item.text, '');
      return;
    }
    if (this.#answers.take(item)) {
      const change = item.kind === 'added' || item.kind === 'removed' ? item.kind : 'snapshot';
      const { host, at, text: json } = item;
      this.#rows.push({ host, hostname: this.#answers.nameOf(host), at, change, json });
    }
    this.#timer ??= setTimeout(() => this.#tell(), GATHER);
    if (this.#parts.question.interval === 0 && this.#answers.counts.isComplete) {
      this.#asked.stop('all have answered');
      this.#over('all have answered', '');
    }
  }

  #tell(): void {
    this.#timer = undefined;
    const { ask, say } = this.#parts;
    do {
      say({ type: 'results', ask, rows: this.#rows.splice(0, MOST_ROWS), counts: this.#answers.counts });
    } while (this.#rows.length > 0);
  }

  #over(reason: string, problem: string): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#tell();
    const hosts = this.#answers.hosts('asked', 'failed', 'absent', 'lost');
    const { ask, say, onOver } = this.#parts;
    say({ type: 'over', ask, reason, problem, hosts });
    onOver();
  }
}
