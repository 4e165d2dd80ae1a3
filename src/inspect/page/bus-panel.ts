import { matches } from '../../bus/subject.ts';
import type { MessageEntry } from '../entries.ts';
import { FilteredIndices, passes } from '../filter.ts';
import { type History, lastUpTo } from '../history.ts';
import { markOf } from '../severity.ts';
import { button, el, NOTHING_YET, shortName, svg, timeCell } from './dom.ts';
import { classOf, signOf } from './signs.ts';
import type { Commands, Panel, View } from './view.ts';
import { VirtualList } from './virtual-list.ts';

const AREAS = [
  'peer',
  'schedule',
  'execution',
  'osquery',
  'backfill',
  'logger',
  'courier',
  'endpoint',
  'extension',
];
/** How far things are, once a second: of little use one by one, and more than all else together. */
const PROGRESS = 'progress';
const ORDER = [
  'extension',
  'osquery-core',
  'backfill',
  'logger-plugin',
  'schedule-manager',
  'courier',
  'broker-endpoint',
];
/** Pixels. */
const ROW = 26;
const TIME = 112;
const NARROWEST_LANE = 64;
/** Where the window is narrow, all lanes in sight are worth more than their names. */
const NARROW = 500;
const NARROW_LANE = 42;

/** The bus as a sequence diagram, with filters. */
export class BusPanel implements Panel {
  readonly element: HTMLElement;
  readonly #list: VirtualList<number>;
  readonly #sequence: HTMLElement;
  readonly #head = el('div', { class: 'lane-heads' });
  readonly #count = el('span', { class: 'dim count' });
  readonly filter = el('input', {
    type: 'search',
    placeholder: 'filter: text, or a subject like peer.*.request',
    'aria-label': 'Filter messages',
    spellcheck: 'false',
  });
  /** Areas that are not shown; progress is not at first. */
  readonly #hidden = new Set<string>([PROGRESS]);
  #shown: readonly number[] = [];
  readonly #filtered = new FilteredIndices();
  #lanes: readonly string[] = [];
  #lane = NARROWEST_LANE;
  #drawnLanes = '';
  readonly #empty = el('p', { class: 'dim note' }, NOTHING_YET);
  #history: History | undefined;

  constructor(commands: Commands, onChange: () => void) {
    this.#list = new VirtualList<number>({
      id: 'messages',
      label: 'Messages of the bus',
      rowHeight: ROW,
      row: (index, place) => this.#row(index, place),
      onPick: (index) => commands.goTo(index),
    });
    this.filter.addEventListener('input', onChange);
    const chips = [
      ...AREAS.map((area) => this.#chip(area, `Show or hide ${area}.*`, onChange)),
      this.#chip(PROGRESS, 'Show or hide *.progress, the counts that come each second', onChange),
    ];
    this.#sequence = el('div', { class: 'sequence' }, this.#head, this.#list.element);
    this.element = el(
      'section',
      { class: 'panel bus', id: 'bus', 'aria-label': 'Bus' },
      el('header', {}, el('h2', {}, 'Bus'), this.#count, this.filter),
      el('div', { class: 'chips' }, ...chips),
      this.#empty,
      this.#sequence,
    );
  }

  #chip(area: string, title: string, onChange: () => void): HTMLElement {
    const show = () => chip.setAttribute('aria-pressed', `${!this.#hidden.has(area)}`);
    const press = () => {
      if (!this.#hidden.delete(area)) this.#hidden.add(area);
      show();
      onChange();
    };
    const chip = button(area, title, press, `chip area-${area}`);
    show();
    return chip;
  }

  #isHidden({ type }: MessageEntry): boolean {
    const [area = '', news = ''] = type.split('.');
    return this.#hidden.has(area) || (news === PROGRESS && this.#hidden.has(PROGRESS));
  }

  render({ history, moment, source, filter }: View): void {
    this.#history = history;
    this.#lanes = [...ORDER, ...history.actors.filter((actor) => actor.startsWith('peer:')).sort()];
    const all = history.messages.length;
    this.#shown = this.#filtered.of(history, history.messages, {
      key: JSON.stringify([this.filter.value, [...this.#hidden], filter]),
      accepts: () => {
        const [accepts, passesFilter] = [acceptor(this.filter.value.trim()), passes(filter)];
        return (entry) =>
          entry.kind === 'message' && !this.#isHidden(entry) && passesFilter(entry) && accepts(entry);
      },
    });
    this.#count.textContent = this.#shown.length === all ? `${all}` : `${this.#shown.length} of ${all}`;
    this.#empty.hidden = this.#shown.length > 0;
    if (source) {
      const none =
        history.messages.length === 0 ? 'No message has been seen.' : 'No message matches the filters.';
      this.#empty.textContent = none;
    }
    const { clientWidth } = this.#sequence;
    const room = (clientWidth - TIME - 16) / this.#lanes.length;
    this.#lane = Math.max(clientWidth < NARROW ? NARROW_LANE : NARROWEST_LANE, Math.floor(room));
    this.#drawLanes();
    const latest = lastUpTo(this.#shown, moment);
    this.#list.set(this.#shown, latest, this.#shown[latest] === moment);
  }

  #drawLanes(): void {
    const key = JSON.stringify([this.#lanes, this.#lane]);
    if (key === this.#drawnLanes) return;
    this.#drawnLanes = key;
    const width = `${TIME + this.#lanes.length * this.#lane}px`;
    this.#head.style.setProperty('--lane', `${this.#lane}px`);
    this.#head.style.width = width;
    this.#list.element.style.width = width;
    this.#head.replaceChildren(
      ...this.#lanes.map((lane) => el('span', { class: 'lane-head', title: lane }, shortName(lane))),
    );
    this.#list.redraw();
  }

  #row(index: number, place: number): HTMLElement {
    const entry = this.#history?.at(index);
    const before = this.#shown[place - 1];
    if (entry?.kind !== 'message') return el('div', { class: 'row' });
    const mark = markOf(entry);
    const row = el('div', {
      class: `row message area-${areaOf(entry)} ${classOf(mark)}`,
      title: entry.subject,
    });
    row.append(
      timeCell(entry.at, before === undefined ? undefined : this.#history?.at(before)?.at),
      signOf(mark),
      this.#arrow(entry),
    );
    return row;
  }

  /** A line from who says it to the farthest that hears it, with a head at each. */
  #arrow({ from, to, type }: MessageEntry): SVGElement {
    const width = this.#lanes.length * this.#lane;
    const middle = (lane: string) => (this.#lanes.indexOf(lane) + 0.5) * this.#lane;
    const start = this.#lanes.includes(from) ? middle(from) : this.#lane / 2;
    const ends = to.filter((lane) => this.#lanes.includes(lane) && lane !== from).map(middle);
    const [left, right] = [Math.min(start, ...ends), Math.max(start, ...ends)];
    const y = ROW - 7;
    const picture = svg('svg', { width: `${width}`, height: `${ROW}`, 'aria-hidden': 'true' });
    for (const lane of this.#lanes) {
      picture.append(svg('path', { class: 'lifeline', d: `M${middle(lane)} 0V${ROW}` }));
    }
    picture.append(
      svg('path', { class: 'arrow', d: `M${left} ${y}H${right}` }),
      svg('circle', { class: 'origin', cx: `${start}`, cy: `${y}`, r: '3' }),
      ...ends.map((end) => {
        const back = end > start ? -7 : 7;
        return svg('path', { class: 'arrow-head', d: `M${end} ${y}l${back} -4v8z` });
      }),
    );
    const label = svg('text', { class: 'label', y: `${y - 5}` }, type);
    const centre = ends.length === 0 ? start : (start + (ends[0] ?? start)) / 2;
    const half = type.length * 3.3;
    label.setAttribute('x', `${Math.min(Math.max(centre, half + 2), width - half - 2)}`);
    picture.append(label);
    return picture;
  }
}

function areaOf({ type }: MessageEntry): string {
  return type.split('.')[0] ?? '';
}

function acceptor(text: string): (entry: MessageEntry) => boolean {
  if (text === '') return () => true;
  const wanted = text.toLowerCase();
  if (/[*>]/.test(text)) return ({ subject }) => matches(text, subject);
  return ({ type, subject, detail }) => `${type} ${subject} ${detail}`.toLowerCase().includes(wanted);
}
