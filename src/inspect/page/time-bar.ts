import type { Earlier, Entry } from '../entries.ts';
import { formatState } from '../highlights.ts';
import { button, dateTimeOf, el, shortName, timeOf } from './dom.ts';
import type { Panel, View } from './view.ts';

export interface TimeCommands {
  goTo(moment: number): void;
  step(by: number): void;
  follow(): void;
  mark(): void;
  copyLink(): void;
}

/** The slider over everything that happened, with what one does to time. */
export class TimeBar implements Panel {
  readonly element: HTMLElement;
  readonly #slider = el('input', { type: 'range', min: '0', max: '0', step: '1', 'aria-label': 'Moment' });
  readonly #marks = el('canvas', { class: 'density', 'aria-hidden': 'true' });
  readonly #earlier = el('p', { class: 'earlier dim' });
  readonly #what = el('output', { class: 'what' });
  readonly #live: HTMLButtonElement;
  readonly #mark: HTMLButtonElement;
  /** Those that lead back, and those that lead forward. */
  readonly #back: readonly HTMLButtonElement[];
  readonly #forward: readonly HTMLButtonElement[];
  readonly #difference = el('div', { class: 'difference', 'aria-live': 'polite' });
  #drawn = '';

  /** @param search what stands beside the moment's words */
  constructor(commands: TimeCommands, search: HTMLElement) {
    this.#slider.addEventListener('input', () => commands.goTo(Number(this.#slider.value)));
    this.#live = button('Follow', 'Follow what happens (L)', () => commands.follow(), 'live');
    this.#mark = button('Compare', 'Compare with this moment (C)', () => commands.mark());
    this.#back = [
      button('|◀', 'To the beginning (Home)', () => commands.goTo(0)),
      button('◀', 'One event back (←)', () => commands.step(-1)),
    ];
    this.#forward = [
      button('▶', 'One event forward (→)', () => commands.step(1)),
      button('▶|', 'To the end (End)', () => commands.goTo(Number.POSITIVE_INFINITY)),
    ];
    this.element = el(
      'footer',
      { class: 'time-bar', 'aria-label': 'Time' },
      this.#difference,
      el('div', { class: 'track' }, this.#marks, this.#slider),
      this.#earlier,
      el(
        'div',
        { class: 'controls' },
        ...this.#back,
        ...this.#forward,
        this.#live,
        this.#what,
        search,
        this.#mark,
        button('Copy link', 'Copy a link to this moment (Y)', () => commands.copyLink()),
      ),
    );
  }

  render(view: View): void {
    const { history, earlier, moment, live, mark, difference } = view;
    this.#earlier.textContent = EARLIER[earlier];
    this.#earlier.hidden = earlier === 'nothing';
    this.#slider.max = `${Math.max(0, history.length - 1)}`;
    this.#slider.value = `${moment}`;
    // Not `disabled`, which would take the focus away from who steps with it.
    for (const one of this.#back) one.setAttribute('aria-disabled', `${moment <= 0}`);
    for (const one of this.#forward) {
      one.setAttribute('aria-disabled', `${moment >= history.length - 1}`);
    }
    this.#live.setAttribute('aria-pressed', `${live}`);
    this.#mark.setAttribute('aria-pressed', `${mark !== null}`);
    const entry = history.at(moment);
    this.#what.textContent = entry
      ? `${dateTimeOf(entry.at).slice(0, 10)} ${timeOf(entry.at)} · ${moment + 1}/${history.length} · ${inWords(entry)}`
      : 'Nothing has happened yet.';
    this.#difference.hidden = mark === null;
    if (mark !== null) this.#difference.replaceChildren(...differenceOf(view, mark, difference));
    this.#drawMarks(view);
  }

  /** Where facts, messages and steps are, along the slider. */
  #drawMarks({ history, mark }: View): void {
    const { clientWidth: width, clientHeight: height } = this.#marks;
    const key = `${history.length} ${width} ${mark} ${document.documentElement.dataset['theme']}`;
    if (key === this.#drawn || width === 0) return;
    this.#drawn = key;
    const scale = globalThis.devicePixelRatio || 1;
    this.#marks.width = width * scale;
    this.#marks.height = height * scale;
    const context = this.#marks.getContext('2d');
    if (!context) return;
    context.scale(scale, scale);
    const place = (index: number) => 8 + (index / Math.max(1, history.length - 1)) * (width - 16);
    context.fillStyle = this.#colour('--message');
    for (const index of history.messages) context.fillRect(place(index), height - 5, 1, 5);
    context.fillStyle = this.#colour('--fact');
    for (const index of history.facts) context.fillRect(place(index) - 0.5, 0, 2, height - 6);
    if (mark === null) return;
    context.fillStyle = this.#colour('--accent');
    context.fillRect(place(mark) - 1, 0, 3, height);
  }

  /** A colour of the theme as a canvas takes it, which knows no `light-dark()`: what it comes to here. */
  #colour(name: string): string {
    this.#marks.style.color = `var(${name})`;
    return getComputedStyle(this.#marks).color;
  }
}

/** What the slider's left end is. */
const EARLIER: Readonly<Record<Earlier, string>> = {
  nothing: '',
  unseen: '◂ earlier steps and messages were not recorded',
  discarded: '◂ older events discarded',
};

function inWords(entry: Entry): string {
  switch (entry.kind) {
    case 'fact':
      return entry.words;
    case 'message':
      return `${shortName(entry.from)} says ${entry.type}`;
    case 'rows':
      return 'rows were counted';
    default:
      return entry.isFound
        ? `${shortName(entry.actor)} was found in its state`
        : `${shortName(entry.actor)} takes ${entry.event}`;
  }
}

/** What is different between the marked moment and this one: machines, then the schedule. */
function differenceOf(
  { history, earlier, moment }: View,
  mark: number,
  difference: readonly string[] | null,
): HTMLElement[] {
  const [early, late] = [Math.min(mark, moment), Math.max(mark, moment)];
  const [from, to] = [history.at(early)?.at ?? 0, history.at(late)?.at ?? 0];
  const absent = earlier === 'nothing' ? 'not started' : 'not known';
  const machines = history.actors.flatMap((actor) => {
    const [before, after] = [early, late].map((when) => {
      const state = history.stepAt(actor, when)?.step.state;
      return state === undefined ? absent : formatState(state);
    });
    return before === after ? [] : [`~ ${shortName(actor)}: ${before} → ${after}`];
  });
  const lines = [...machines, ...(difference ?? [])];
  return [
    el('strong', {}, `From ${timeOf(from)} to ${timeOf(to)}`),
    el('ul', {}, ...(lines.length === 0 ? ['Nothing changed.'] : lines).map((line) => el('li', {}, line))),
  ];
}
