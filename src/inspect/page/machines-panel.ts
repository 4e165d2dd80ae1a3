import { draw, NO_HIGHLIGHTS } from '../chart-drawing.ts';
import type { ChartLayout } from '../chart-geometry.ts';
import type { StepEntry } from '../entries.ts';
import { formatState, highlightsOf } from '../highlights.ts';
import { button, drawn, el, NOTHING_YET, shortName, spanOf, svg, timeOf } from './dom.ts';
import { listenToTabKeys, markTab } from './tab-keys.ts';
import type { Commands, Panel, View } from './view.ts';

/** States in which something is not as it should be. */
const TROUBLE = /backingOff|refused|blocked|degraded|waiting|outOfStep|suspect|forgotten|stalled|declaring/;
/** Pixels between an active state and the edge of the panel, where it was brought into sight. */
const MARGIN = 60;
/** The smallest zoom at all, and the one at which letters can still be read, with which a chart is shown first. */
const SMALLEST = 0.1;
const READABLE = 0.55;

/** The machines' statecharts, one actor at a time; what is active and what was taken last is lit. */
export class MachinesPanel implements Panel {
  readonly element: HTMLElement;
  readonly #tabs = el('div', { class: 'tabs', role: 'tablist', 'aria-label': 'Machines' });
  readonly #state = el('p', { class: 'state-line', 'aria-live': 'polite' });
  readonly #canvas = el('div', {
    ...{ class: 'chart-canvas', id: 'chart', role: 'tabpanel', tabindex: '0' },
    'aria-label': 'Statechart',
  });
  readonly #commands: Commands;
  #drawn: ChartLayout | undefined;
  #lit = '';
  #tabbed = '';
  #zoom = 1;

  constructor(commands: Commands) {
    this.#commands = commands;
    listenToTabKeys(this.#tabs, (tab) => commands.pickActor(tab.getAttribute('data-actor') ?? ''));
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
          button('−', 'Smaller', () => this.#zoomBy(1 / 1.25)),
          button('+', 'Larger', () => this.#zoomBy(1.25)),
          button('Fit', 'Fit into the panel', () => this.#fit()),
        ),
      ),
      this.#tabs,
      this.#state,
      this.#canvas,
    );
  }

  render(view: View): void {
    const { history, charts, moment, actor } = view;
    this.#renderTabs(view);
    const found = history.stepAt(actor, moment);
    const chart = charts.get(found?.step.machine ?? machineOf(actor, charts));
    if (!chart) {
      this.#state.textContent = view.source ? 'There is no statechart of it.' : NOTHING_YET;
      return;
    }
    if (chart !== this.#drawn) this.#draw(chart);
    this.#state.replaceChildren(...stateLine(view, found?.step ?? null));
    const key = found ? JSON.stringify([actor, found.step, found.before?.state]) : actor;
    if (key === this.#lit) return;
    this.#lit = key;
    this.#light(found ? highlightsOf(chart, found.step, found.before?.state ?? null) : NO_HIGHLIGHTS);
  }

  #renderTabs({ history, charts, actor, moment }: View): void {
    const actors = history.actors.length > 0 ? history.actors : [...charts.keys()];
    const tabs = actors.map((id) => {
      const step = history.stepAt(id, moment)?.step;
      return { id, mood: step ? moodOf(step) : 'none' };
    });
    const key = JSON.stringify([tabs, actor]);
    if (key === this.#tabbed) return;
    this.#tabbed = key;
    const hadFocus = this.#tabs.contains(document.activeElement);
    this.#tabs.replaceChildren(
      ...tabs.map(({ id, mood }) => {
        const tab = button(shortName(id), id, () => this.#commands.pickActor(id), `tab mood-${mood}`);
        tab.setAttribute('role', 'tab');
        tab.setAttribute('data-actor', id);
        tab.setAttribute('aria-controls', 'chart');
        markTab(tab, id === actor);
        return tab;
      }),
    );
    this.#canvas.setAttribute('aria-label', `Statechart of ${shortName(actor)}`);
    if (hadFocus) this.#tabs.querySelector<HTMLElement>('[aria-selected="true"]')?.focus();
  }

  #draw(chart: ChartLayout): void {
    this.#drawn = chart;
    this.#lit = '';
    const { width, height } = chart;
    const picture = svg('svg', { class: 'chart', viewBox: `0 0 ${width} ${height}`, role: 'img' });
    picture.append(...draw(chart, NO_HIGHLIGHTS).map(drawn));
    this.#canvas.replaceChildren(picture);
    this.#fit(READABLE);
  }

  #light({ active, taken }: ReturnType<typeof highlightsOf>): void {
    for (const state of this.#canvas.querySelectorAll('[data-state]')) {
      const id = state.getAttribute('data-state') ?? '';
      state.classList.toggle('active', active.has(id));
      state.classList.toggle('trouble', TROUBLE.test(id.slice(id.lastIndexOf('.'))));
    }
    for (const name of ['edge', 'edge-label']) {
      for (const [index, edge] of [...this.#canvas.querySelectorAll(`.${name}`)].entries()) {
        edge.classList.toggle('taken', taken.has(index));
      }
    }
    const [innermost] = this.#canvas.querySelectorAll('.state.active.atomic, .state.active.final');
    if (innermost) this.#bringIntoSight(innermost.getBoundingClientRect());
  }

  #bringIntoSight(state: DOMRect): void {
    const frame = this.#canvas.getBoundingClientRect();
    const by = (start: number, end: number, from: number, to: number) => {
      if (start < from) return start - from - MARGIN;
      return end > to ? end - to + MARGIN : 0;
    };
    const left = by(state.left, state.right, frame.left, frame.right);
    const top = by(state.top, state.bottom, frame.top, frame.bottom);
    if (left !== 0 || top !== 0) this.#canvas.scrollBy({ left, top });
  }

  /** @param least the smallest zoom: what does not fit then scrolls */
  #fit(least = SMALLEST): void {
    const { width = 1, height = 1 } = this.#drawn ?? {};
    const { clientWidth, clientHeight } = this.#canvas;
    this.#zoom = Math.min(
      1,
      Math.max(least, Math.min((clientWidth - 4) / width, (clientHeight - 4) / height)),
    );
    this.#zoomBy(1);
  }

  #zoomBy(factor: number): void {
    this.#zoom = Math.min(3, Math.max(SMALLEST, this.#zoom * factor));
    const picture = this.#canvas.querySelector('svg');
    picture?.setAttribute('width', `${(this.#drawn?.width ?? 0) * this.#zoom}`);
    picture?.setAttribute('height', `${(this.#drawn?.height ?? 0) * this.#zoom}`);
  }
}

/** Without any step the tabs are machines. */
function machineOf(actor: string, charts: View['charts']): string {
  return charts.has(actor) ? actor : 'bro-peer';
}

/** How an actor is, at a glance. */
function moodOf({ state, status }: StepEntry): string {
  if (status !== 'active') return 'ended';
  const text = formatState(state);
  if (TROUBLE.test(text)) {
    return 'trouble';
  }
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
