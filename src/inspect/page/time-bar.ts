import type { Earlier, Entry } from '../entries.ts';
import { formatState } from '../highlights.ts';
import { button, dateTimeOf, el, shortName, timeOf } from './dom.ts';
import { Playback, SPEEDS } from './playback.ts';
import { TimeTrack, type TrackCommands } from './time-track.ts';
import type { Panel, View } from './view.ts';

export interface TimeCommands extends TrackCommands {
  play(): void;
  setSpeed(speed: number): void;
  follow(): void;
  mark(): void;
  copyLink(): void;
}

/** The slider over everything that happened, with what one does to time. */
export class TimeBar implements Panel {
  readonly element: HTMLElement;
  readonly #track: TimeTrack;
  readonly #earlier = el('p', { class: 'earlier dim' });
  readonly #what = el('output', { class: 'what' });
  readonly #play: HTMLButtonElement;
  readonly #live: HTMLButtonElement;
  readonly #mark: HTMLButtonElement;
  /** Those that lead back, and those that lead forward. */
  readonly #back: readonly HTMLButtonElement[];
  readonly #forward: readonly HTMLButtonElement[];
  readonly #difference = el('div', { class: 'difference', 'aria-live': 'polite' });

  /** @param search what stands beside the moment's words */
  constructor(commands: TimeCommands, search: HTMLElement) {
    this.#track = new TimeTrack(commands);
    this.#play = button('Play', 'Let recorded time go by (P)', () => commands.play(), 'play');
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
      this.#track.element,
      this.#earlier,
      el(
        'div',
        { class: 'controls' },
        ...this.#back,
        ...this.#forward,
        this.#play,
        speeds(commands),
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
    this.#track.render(view);
    this.#play.textContent = view.isPlaying ? 'Pause' : 'Play';
    this.#play.setAttribute('aria-disabled', `${history.length < 2}`);
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
  }
}

function speeds(commands: TimeCommands): HTMLSelectElement {
  const select = el(
    'select',
    { 'aria-label': 'Speed', title: 'Times as fast as it happened' },
    ...SPEEDS.map((speed) => el('option', { value: `${speed}` }, `${speed} ×`)),
  );
  select.value = `${new Playback().speed}`;
  select.addEventListener('change', () => commands.setSpeed(Number(select.value)));
  return select;
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
