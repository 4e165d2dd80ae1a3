import { markOf } from '../severity.ts';
import type { TimeScale } from '../time-scale.ts';
import { dateTimeOf, el, spanOf, timeOf } from './dom.ts';
import type { View } from './view.ts';

export interface TrackCommands {
  goTo(moment: number): void;
  step(by: number): void;
}

/** Positions of the slider. */
const POSITIONS = 10_000;
/** Pixels: half of the slider's thumb, room for a label of the axis, the shortest gap that is labelled. */
const EDGE = 8;
const LABEL = 120;
const GAP_LABEL = 70;
/** How many moments the keys Page Up and Page Down go. */
const PAGE = 10;

/** A slider along real time: where events are on it, the gaps that it shortens, and the time below. */
export class TimeTrack {
  readonly element: HTMLElement;
  readonly #slider = el('input', {
    ...{ type: 'range', min: '0', max: `${POSITIONS}`, step: '1', 'aria-label': 'Moment' },
  });
  readonly #ticks = el('canvas', { class: 'density', 'aria-hidden': 'true' });
  readonly #axis = el('div', { class: 'axis', 'aria-hidden': 'true' });
  #scale: TimeScale | null = null;
  #drawn = '';
  #drawnScale: TimeScale | null = null;

  constructor(commands: TrackCommands) {
    this.#slider.addEventListener('input', () => {
      const { length = 0 } = this.#scale ?? {};
      commands.goTo(this.#scale?.momentAt((Number(this.#slider.value) / POSITIONS) * length) ?? 0);
    });
    this.#slider.addEventListener('keydown', (event) => {
      const by = STEPS[event.key];
      if (by === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      if (Number.isFinite(by)) commands.step(by);
      else commands.goTo(by < 0 ? 0 : by);
    });
    this.element = el('div', { class: 'track' }, this.#ticks, this.#slider, this.#axis);
  }

  render(view: View): void {
    const { history, moment, scale, mark } = view;
    this.#scale = scale;
    const { length } = scale;
    this.#slider.value = `${length === 0 ? POSITIONS : Math.round((scale.placeOf(moment) / length) * POSITIONS)}`;
    const at = history.at(moment)?.at;
    const told =
      at === undefined
        ? 'nothing has happened yet'
        : `${dateTimeOf(at)}, event ${moment + 1} of ${history.length}`;
    this.#slider.setAttribute('aria-valuetext', told);
    const { clientWidth: width } = this.#ticks;
    const key = `${width} ${mark} ${document.documentElement.dataset['theme']} ${matchMedia('(prefers-color-scheme: dark)').matches}`;
    if (width === 0 || (scale === this.#drawnScale && key === this.#drawn)) return;
    this.#drawn = key;
    this.#drawnScale = scale;
    this.#draw(view);
    this.#label(scale, width);
  }

  /** Where facts, messages, trouble and gaps are. One tick a pixel, however many events are there. */
  #draw({ history, mark, scale }: View): void {
    const { clientWidth: width, clientHeight: height } = this.#ticks;
    const ratio = globalThis.devicePixelRatio || 1;
    this.#ticks.width = width * ratio;
    this.#ticks.height = height * ratio;
    const context = this.#ticks.getContext('2d');
    if (!context) return;
    context.scale(ratio, ratio);
    const pixel = pixelsOf(scale, width);
    const [messages, facts, trouble] = [1, 2, 3].map(() => new Set<number>());
    for (let moment = 0; moment < history.length; moment += 1) {
      const entry = history.at(moment);
      if (!entry) continue;
      const place = pixel(scale.placeOf(moment));
      if (entry.kind === 'message') messages?.add(place);
      else if (entry.kind === 'fact') facts?.add(place);
      if (markOf(entry)) trouble?.add(place);
    }
    const put = (places: Set<number> | undefined, colour: string, box: readonly [number, number, number]) => {
      context.fillStyle = this.#colour(colour);
      const [shift, top, bottom] = box;
      for (const place of places ?? []) context.fillRect(place - shift, top, 1 + 2 * shift, bottom - top);
    };
    put(messages, '--message', [0, height - 5, height]);
    put(facts, '--fact', [0.5, 7, height - 6]);
    context.fillStyle = this.#colour('--trouble');
    for (const place of trouble ?? []) {
      context.beginPath();
      context.moveTo(place - 3.5, 0);
      context.lineTo(place + 3.5, 0);
      context.lineTo(place, 6);
      context.fill();
    }
    context.fillStyle = this.#colour('--line');
    for (const { moment } of scale.gaps) {
      const [from, to] = [pixel(scale.placeOf(moment - 1)), pixel(scale.placeOf(moment))];
      for (let x = from + 2; x < to - 1; x += 5) context.fillRect(x, height / 2, 3, 2);
    }
    if (mark === null) return;
    context.fillStyle = this.#colour('--accent');
    context.fillRect(pixel(scale.placeOf(mark)) - 1, 0, 3, height);
  }

  /** A colour of the theme as a canvas takes it, which knows no `light-dark()`: what it comes to here. */
  #colour(name: string): string {
    this.#ticks.style.color = `var(${name})`;
    return getComputedStyle(this.#ticks).color;
  }

  /** Times at even distances, and the lengths of the longest gaps. */
  #label(scale: TimeScale, width: number): void {
    const pixel = pixelsOf(scale, width);
    const count = Math.max(1, Math.floor(width / LABEL));
    const labels: HTMLElement[] = [];
    let day = '';
    for (let n = 0; n <= count && scale.length > 0; n += 1) {
      const place = (scale.length * n) / count;
      const time = scale.timeAt(place);
      const date = dateTimeOf(time).slice(5, 10);
      const text = `${date === day ? '' : `${date} `}${timeOf(time).slice(0, scale.length < 20_000 ? 10 : 8)}`;
      day = date;
      labels.push(labelAt('tick', pixel(place), width, text));
    }
    let free = 0;
    for (const { moment, length } of scale.gaps) {
      const middle = (pixel(scale.placeOf(moment - 1)) + pixel(scale.placeOf(moment))) / 2;
      if (middle < free + GAP_LABEL / 2) continue;
      free = middle + GAP_LABEL / 2;
      labels.push(labelAt('gap', middle, width, `⋯ ${spanOf(length)} ⋯`));
    }
    this.#axis.replaceChildren(...labels);
  }
}

const STEPS: Readonly<Record<string, number>> = {
  ArrowLeft: -1,
  ArrowDown: -1,
  ArrowRight: 1,
  ArrowUp: 1,
  PageDown: -PAGE,
  PageUp: PAGE,
  Home: Number.NEGATIVE_INFINITY,
  End: Number.POSITIVE_INFINITY,
};

function pixelsOf(scale: TimeScale, width: number): (place: number) => number {
  return (place) => Math.round(EDGE + (place / Math.max(1, scale.length)) * (width - 2 * EDGE));
}

function labelAt(name: string, x: number, width: number, text: string): HTMLElement {
  const label = el('span', { class: name }, text);
  if (x < LABEL / 2) label.style.left = '0';
  else if (x > width - LABEL / 2) label.style.right = '0';
  else {
    label.style.left = `${x}px`;
    label.style.transform = 'translateX(-50%)';
  }
  return label;
}
