import type { AnswerCounts, HostAnswer } from '../../console/answers.ts';
import { button, el, spanOf } from '../../inspect/page/dom.ts';
import { QueryEditor } from './editor.ts';
import { addToHistory, readHistory } from './history.ts';

export interface Question {
  readonly sql: string;
  readonly where: string;
  /** Seconds; 0: once. */
  readonly every: number;
  readonly timeout: number;
}

export interface QueryCommands {
  run(question: Question): void;
  stop(): void;
}

/** Hosts that are named with a reason. */
const NAMED = 5;
const EXAMPLE = 'SELECT name, version, platform FROM os_version';

/** What is asked of whom, how far it is, and what was asked before. */
export class QueryPanel {
  readonly element: HTMLElement;
  readonly editor: QueryEditor;
  readonly #where = el('input', {
    ...{ type: 'text', name: 'where', placeholder: 'all hosts, or a condition: platform = "debian"' },
    ...{ spellcheck: 'false', 'aria-label': 'Only hosts for which this holds' },
  });
  readonly #every = el('input', {
    type: 'number',
    min: '0',
    value: '0',
    'aria-label': 'Seconds between runs',
  });
  readonly #timeout = el('input', { type: 'number', min: '1', value: '60', 'aria-label': 'Seconds to wait' });
  readonly #run: HTMLButtonElement;
  readonly #stop: HTMLButtonElement;
  readonly #bar = el('progress', { max: '1', value: '0', 'aria-label': 'Hosts that have answered' });
  readonly #counts = el('output', { class: 'counts' });
  readonly #reasons = el('ul', { class: 'reasons' });
  readonly #history = el('div', { class: 'history' });
  readonly #commands: QueryCommands;
  readonly #now: () => number;
  #startedAt = 0;
  #isRunning = false;
  #isAllowed = false;

  /** @param now milliseconds since the epoch */
  constructor(commands: QueryCommands, now: () => number) {
    this.#now = now;
    this.#commands = commands;
    this.editor = new QueryEditor(readHistory()[0] ?? EXAMPLE, () => this.run());
    this.#run = button('Run', 'Run it (Ctrl-Enter)', () => this.run(), 'run');
    this.#stop = button('Stop', 'End it at the Zeek and on its hosts', () => commands.stop(), 'stop');
    this.#reasons.hidden = true;
    this.element = el(
      'section',
      { class: 'panel query', id: 'query', 'aria-label': 'Query' },
      this.editor.element,
      el(
        'div',
        { class: 'ask' },
        this.#where,
        el('label', { title: '0: once' }, 'every', this.#every, 's'),
        el('label', { title: 'How long to wait for answers' }, 'wait', this.#timeout, 's'),
        this.#run,
        this.#stop,
      ),
      el('div', { class: 'progress' }, this.#bar, this.#counts),
      this.#reasons,
      el('details', {}, el('summary', {}, 'History'), this.#history),
    );
    this.#showHistory(readHistory());
    this.#enable();
  }

  run(): void {
    const sql = this.editor.text.trim().replace(/;$/, '');
    if (sql === '' || this.#isRunning || !this.#isAllowed) return;
    this.#showHistory(addToHistory(sql));
    this.#startedAt = this.#now();
    this.#isRunning = true;
    this.#reasons.hidden = true;
    this.#bar.removeAttribute('value');
    this.#counts.textContent = 'asking';
    this.#enable();
    const whole = (input: HTMLInputElement) => Math.max(0, Math.floor(Number(input.value) || 0));
    this.#commands.run({
      ...{ sql, where: this.#where.value.trim() },
      ...{ every: whole(this.#every), timeout: Math.max(1, whole(this.#timeout)) },
    });
  }

  /** @param why what is said where nothing may be asked */
  allow(isAllowed: boolean, why: string): void {
    this.#isAllowed = isAllowed;
    if (!isAllowed) this.#counts.textContent = why;
    this.#enable();
  }

  askOnly(condition: string): void {
    this.#where.value = condition;
  }

  progress(counts: AnswerCounts): void {
    const { asked, silent, isAsked } = counts;
    // Full only when all have answered.
    if (isAsked && asked > 0) this.#bar.value = (asked - silent) / asked;
    this.#counts.textContent = `${textOf(counts)}, ${spanOf(this.#now() - this.#startedAt)}`;
  }

  over(reason: string, problem: string, hosts: readonly HostAnswer[]): void {
    this.#isRunning = false;
    this.#enable();
    if (!this.#bar.hasAttribute('value')) this.#bar.value = 0;
    if (problem !== '') this.#counts.textContent = problem;
    else if (reason !== '') this.#counts.textContent = `${this.#counts.textContent ?? ''} (${reason})`;
    const groups = Map.groupBy(hosts, ({ state, text }) => (state === 'asked' ? 'no answer' : text || state));
    this.#reasons.replaceChildren(
      ...[...groups].map(([text, those]) => el('li', {}, `${names(those)}: ${text}`)),
    );
    this.#reasons.hidden = groups.size === 0;
  }

  #enable(): void {
    this.#run.disabled = this.#isRunning || !this.#isAllowed;
    this.#stop.disabled = !this.#isRunning;
  }

  #showHistory(kept: readonly string[]): void {
    this.#history.replaceChildren(
      ...kept.map((sql) =>
        button(sql.replaceAll(/\s+/g, ' '), sql, () => {
          this.editor.text = sql;
        }),
      ),
    );
  }
}

function textOf({ asked, answered, failed, absent, silent, rows }: AnswerCounts): string {
  const parts = [
    `${answered} answered`,
    ...(failed > 0 ? [`${failed} refused or failed`] : []),
    ...(absent > 0 ? [`${absent} not there`] : []),
    ...(silent > 0 ? [`${silent} silent`] : []),
    `${rows} rows`,
  ];
  return `${asked} hosts asked: ${parts.join(', ')}`;
}

function names(hosts: readonly HostAnswer[]): string {
  const more = hosts.length - NAMED;
  const first = hosts.slice(0, NAMED).map(({ id, name }) => name || id);
  return more > 0 ? `${first.join(', ')} and ${more} more` : first.join(', ');
}
