import type { StateValue } from 'xstate';
import { NO_HIGHLIGHTS } from '../chart-drawing.ts';
import type { StepEntry } from '../entries.ts';
import { formatState, highlightsOf } from '../highlights.ts';
import type { ToldState } from '../log-states.ts';
import { isTroubleState } from '../trouble.ts';
import { ChartView } from './chart-view.ts';
import { button, el, NOTHING_YET, shortName, spanOf, timeOf } from './dom.ts';
import { listenToTabKeys, markTab } from './tab-keys.ts';
import type { Commands, Panel, View } from './view.ts';

/** The machines' statecharts, one actor at a time; what is active and what was taken last is lit. */
export class MachinesPanel implements Panel {
  readonly element: HTMLElement;
  readonly #tabs = el('div', { class: 'tabs', role: 'tablist', 'aria-label': 'Machines' });
  readonly #state = el('p', { class: 'state-line', id: 'chart-state', 'aria-live': 'polite' });
  readonly #chart = new ChartView();
  readonly #commands: Commands;
  #lit = '';
  #tabbed = '';

  constructor(commands: Commands, save: (file: { readonly name: string; readonly text: string }) => void) {
    this.#commands = commands;
    listenToTabKeys(this.#tabs, (tab) => commands.pickActor(tab.getAttribute('data-actor') ?? ''));
    const saveShown = () => {
      const file = this.#chart.file();
      if (file) save(file);
    };
    this.element = el(
      'section',
      { class: 'panel machines', id: 'machines', 'aria-label': 'Machines' },
      el(
        'header',
        {},
        el('h2', {}, 'Machines'),
        el(
          'span',
          { class: 'tools' },
          button('−', 'Smaller (-, or Ctrl and the wheel)', () => this.#chart.smaller()),
          button('+', 'Larger (+, or Ctrl and the wheel)', () => this.#chart.larger()),
          button('Fit', 'Fit into the panel', () => this.#chart.fit()),
          button('Save SVG', 'Save the chart as it is shown', saveShown),
        ),
      ),
      this.#tabs,
      this.#state,
      this.#chart.element,
    );
  }

  render(view: View): void {
    const { history, charts, moment, source, actor, logStates } = view;
    this.#renderTabs(view);
    const found = history.stepAt(actor, moment);
    const told = logStates?.at(history, actor, moment) ?? null;
    const chart = charts.get(found?.step.machine ?? machineOf(actor, charts));
    if (!chart) {
      this.#state.textContent = source ? 'There is no statechart of it.' : NOTHING_YET;
      this.#chart.clear();
      return;
    }
    if (this.#chart.show(chart)) this.#lit = '';
    this.#state.replaceChildren(...(told ? toldLine(told) : stateLine(view, found?.step ?? null)));
    const key = JSON.stringify([actor, found?.step, found?.before?.state, told]);
    if (key === this.#lit) return;
    this.#lit = key;
    if (told) this.#chart.light(highlightsOf(chart, litBy(told), null));
    else {
      this.#chart.light(found ? highlightsOf(chart, found.step, found.before?.state ?? null) : NO_HIGHLIGHTS);
    }
  }

  #renderTabs({ history, moment, actors, actor, logStates }: View): void {
    const tabs = actors.map((id) => {
      const step = history.stepAt(id, moment)?.step;
      const told = logStates?.at(history, id, moment);
      return { id, mood: step ? moodOf(step) : told ? moodOfState(told.state) : 'none' };
    });
    const key = JSON.stringify([tabs, actor]);
    if (key === this.#tabbed) return;
    this.#tabbed = key;
    const hadFocus = this.#tabs.contains(document.activeElement);
    this.#tabs.replaceChildren(
      ...tabs.map(({ id, mood }) => {
        const tab = button(shortName(id), `${id}: ${MOODS[mood]}`, () => this.#commands.pickActor(id));
        tab.className = `tab mood-${mood}`;
        tab.setAttribute('role', 'tab');
        tab.setAttribute('data-actor', id);
        tab.setAttribute('aria-controls', 'chart');
        markTab(tab, id === actor);
        return tab;
      }),
    );
    this.#chart.element.setAttribute('aria-label', `Statechart of ${shortName(actor)}`);
    if (hadFocus) this.#tabs.querySelector<HTMLElement>('[aria-selected="true"]')?.focus();
  }
}

type Mood = 'none' | 'well' | 'busy' | 'trouble' | 'ended';

const MOODS: Readonly<Record<Mood, string>> = {
  none: 'nothing is known of it at this moment',
  well: 'as it should be',
  busy: 'at work',
  trouble: 'something is not as it should be',
  ended: 'ended',
};

function litBy({ state, fact }: ToldState) {
  return { state, event: fact.type, effects: { taken: [], actions: [] } };
}

/** As far as a log says it: in what state, and which fact says so. */
function toldLine({ state, fact }: ToldState): (Node | string)[] {
  return [
    el('strong', { class: 'state-name' }, formatState(state)),
    el('span', { class: 'dim' }, `  as the log says: ${fact.type}  ${timeOf(fact.at)}`),
  ];
}

/** Without any step the tabs are machines. */
function machineOf(actor: string, charts: View['charts']): string {
  return charts.has(actor) ? actor : 'bro-peer';
}

/** How an actor is, at a glance. */
function moodOf({ state, status }: StepEntry): Mood {
  return status === 'active' ? moodOfState(state) : 'ended';
}

function moodOfState(state: StateValue): Mood {
  const text = formatState(state);
  if (text.split(/[^A-Za-z]+/).some(isTroubleState)) return 'trouble';
  return /peered|serving|\bregistered|open|idle|receiving|delivering|current/.test(text) ? 'well' : 'busy';
}

function stateLine(view: View, step: StepEntry | null): (Node | string)[] {
  if (!step) return [silence(view)];
  const parts: (Node | string)[] = [
    el('strong', { class: 'state-name' }, formatState(step.state) || step.status),
    el('span', { class: 'dim' }, `  ${step.isFound ? 'found there' : step.event}  ${timeOf(step.at)}`),
  ];
  const countdown = countdownOf(view, step);
  if (countdown !== '') parts.push(el('span', { class: 'countdown' }, countdown));
  return parts;
}

/** Why nothing is shown of a machine: a step that was not seen is not one that there was not. */
function silence({ source, earlier }: View): string {
  if (source?.kind === 'log') {
    return 'An event log has no steps of machines: open a trace or a running extension for those.';
  }
  if (earlier === 'nothing') return 'It has not started at this moment.';
  return 'Its state at this moment is not known: what happened before is not in this recording.';
}

/** When a Bro that is away is tried again. */
function countdownOf({ history, moment, live, now, source }: View, { actor, state }: StepEntry): string {
  if (!/backingOff|refused/.test(formatState(state))) return '';
  const down = history.messageAt('peer.down', shortName(actor), moment);
  const pause = down?.numbers['retryIn'];
  if (!down || pause === undefined) return '';
  const seen = live && source?.kind === 'live' ? now : (history.at(moment)?.at ?? down.at);
  return `next attempt in ${spanOf(down.at + pause - seen)}`;
}
