import { draw, type Highlights, NO_HIGHLIGHTS } from '../chart-drawing.ts';
import type { ChartLayout } from '../chart-geometry.ts';
import { svgOf } from '../svg.ts';
import { isTroubleState } from '../trouble.ts';
import { drawn, el, svg } from './dom.ts';

/** Pixels between an active state and the edge of the panel, where it was brought into sight. */
const MARGIN = 60;
/** The bounds of the zoom, and the one at which letters can still be read, with which a chart is shown first. */
const SMALLEST = 0.1;
const LARGEST = 3;
const READABLE = 0.55;
/** How much larger for a press of a button, a key, or a turn of the wheel by a hundred pixels. */
const STEP = 1.25;

/** A statechart that is dragged and zoomed: with the pointer, with the wheel and Ctrl, and with the keys + and -. */
export class ChartView {
  readonly element: HTMLElement;
  #drawn: ChartLayout | undefined;
  #lights: Highlights = NO_HIGHLIGHTS;
  #zoom = 1;

  constructor() {
    this.element = el('div', {
      ...{ class: 'chart-canvas', id: 'chart', role: 'tabpanel', tabindex: '0' },
      ...{ 'aria-label': 'Statechart', 'aria-describedby': 'chart-state' },
    });
    this.element.addEventListener('wheel', (event) => this.#turn(event), { passive: false });
    this.element.addEventListener('pointerdown', (event) => this.#drag(event));
    this.element.addEventListener('keydown', (event) => {
      if (event.key === '+' || event.key === '=') this.larger();
      else if (event.key === '-') this.smaller();
    });
  }

  /** @returns whether another chart than before is shown */
  show(chart: ChartLayout): boolean {
    if (chart === this.#drawn) return false;
    this.#drawn = chart;
    this.#lights = NO_HIGHLIGHTS;
    const { width, height, machine } = chart;
    const picture = svg('svg', {
      ...{ class: 'chart', viewBox: `0 0 ${width} ${height}`, role: 'img' },
      'aria-label': `Statechart of the machine ${machine}`,
    });
    picture.append(...draw(chart, NO_HIGHLIGHTS).map(drawn));
    this.element.replaceChildren(picture);
    this.#fitTo(READABLE);
    return true;
  }

  clear(): void {
    this.#drawn = undefined;
    this.element.replaceChildren();
  }

  light(lights: Highlights): void {
    this.#lights = lights;
    const { active, taken } = lights;
    for (const state of this.element.querySelectorAll('[data-state]')) {
      const id = state.getAttribute('data-state') ?? '';
      const isActive = active.has(id);
      state.classList.toggle('active', isActive);
      state.classList.toggle('trouble', isActive && isTroubleState(id));
    }
    for (const name of ['edge', 'edge-label']) {
      for (const [index, edge] of [...this.element.querySelectorAll(`.${name}`)].entries()) {
        edge.classList.toggle('taken', taken.has(index));
      }
    }
    const [innermost] = this.element.querySelectorAll('.state.active.atomic, .state.active.final');
    if (innermost) this.#bringIntoSight(innermost.getBoundingClientRect());
  }

  larger(): void {
    this.#zoomAt(STEP, this.#middle());
  }

  smaller(): void {
    this.#zoomAt(1 / STEP, this.#middle());
  }

  fit(): void {
    this.#fitTo(SMALLEST);
  }

  /** What is shown, with its highlights, as a file; null where nothing is. */
  file(): { readonly name: string; readonly text: string } | null {
    if (!this.#drawn) return null;
    return { name: `${this.#drawn.machine}.svg`, text: svgOf(this.#drawn, this.#lights) };
  }

  #bringIntoSight(state: DOMRect): void {
    const frame = this.element.getBoundingClientRect();
    const by = (start: number, end: number, from: number, to: number) => {
      if (start < from) return start - from - MARGIN;
      return end > to ? end - to + MARGIN : 0;
    };
    const left = by(state.left, state.right, frame.left, frame.right);
    const top = by(state.top, state.bottom, frame.top, frame.bottom);
    if (left !== 0 || top !== 0) this.element.scrollBy({ left, top });
  }

  /** @param least the smallest zoom: what does not fit then scrolls */
  #fitTo(least: number): void {
    const { width = 1, height = 1 } = this.#drawn ?? {};
    const { clientWidth, clientHeight } = this.element;
    this.#setZoom(
      Math.min(1, Math.max(least, Math.min((clientWidth - 4) / width, (clientHeight - 4) / height))),
    );
  }

  #middle(): { readonly clientX: number; readonly clientY: number } {
    const { left, top, width, height } = this.element.getBoundingClientRect();
    return { clientX: left + width / 2, clientY: top + height / 2 };
  }

  /** The wheel scrolls; with Ctrl, as a touchpad's pinch has it, what is under the pointer stays there and grows. */
  #turn(event: WheelEvent): void {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.#zoomAt(STEP ** (-event.deltaY / 100), event);
  }

  #zoomAt(
    factor: number,
    { clientX, clientY }: { readonly clientX: number; readonly clientY: number },
  ): void {
    const picture = this.element.querySelector('svg');
    if (!picture) return;
    const before = picture.getBoundingClientRect();
    const former = this.#zoom;
    this.#setZoom(this.#zoom * factor);
    const grown = this.#zoom / former;
    const after = picture.getBoundingClientRect();
    this.element.scrollBy({
      left: after.left + (clientX - before.left) * grown - clientX,
      top: after.top + (clientY - before.top) * grown - clientY,
      behavior: 'instant',
    });
  }

  #setZoom(zoom: number): void {
    this.#zoom = Math.min(LARGEST, Math.max(SMALLEST, zoom));
    const picture = this.element.querySelector('svg');
    picture?.setAttribute('width', `${(this.#drawn?.width ?? 0) * this.#zoom}`);
    picture?.setAttribute('height', `${(this.#drawn?.height ?? 0) * this.#zoom}`);
  }

  #drag(down: PointerEvent): void {
    // Fingers scroll as they do everywhere.
    if (down.button !== 0 || down.pointerType === 'touch') return;
    const start = { left: this.element.scrollLeft, top: this.element.scrollTop };
    const move = (event: PointerEvent) => {
      this.element.scrollLeft = start.left - (event.clientX - down.clientX);
      this.element.scrollTop = start.top - (event.clientY - down.clientY);
    };
    const end = () => {
      this.element.removeEventListener('pointermove', move);
      this.element.classList.remove('dragged');
    };
    this.element.setPointerCapture(down.pointerId);
    this.element.classList.add('dragged');
    this.element.addEventListener('pointermove', move);
    this.element.addEventListener('pointerup', end, { once: true });
    this.element.addEventListener('pointercancel', end, { once: true });
  }
}
