import { el, svg } from '../../inspect/page/dom.ts';
import type { Bar } from '../result-set.ts';

/** Pixels. */
const LINE = 18;
const LABEL = 190;
const WIDTH = 800;

/** Bars of how many rows have each value. */
export function plotOf(bars: readonly Bar[], column: string): HTMLElement {
  const most = Math.max(1, ...bars.map(({ rows }) => rows));
  const height = Math.max(LINE, bars.length * LINE);
  const title = `Rows by ${column}`;
  const drawing = svg(
    'svg',
    { viewBox: `0 0 ${WIDTH} ${height}`, role: 'img', 'aria-label': title },
    ...bars.flatMap(({ label, rows }, at) => {
      const width = (rows / most) * (WIDTH - LABEL - 70);
      const y = at * LINE;
      return [
        svg('text', { x: `${LABEL - 6}`, y: `${y + 13}`, 'text-anchor': 'end' }, shortened(label)),
        svg('rect', { x: `${LABEL}`, y: `${y + 3}`, width: `${Math.max(1, width)}`, height: `${LINE - 6}` }),
        svg('text', { x: `${LABEL + width + 6}`, y: `${y + 13}` }, `${rows}`),
      ];
    }),
  );
  const chart = el(
    'div',
    { class: 'plot', tabindex: '0', role: 'group', 'aria-label': title },
    el('h3', {}, title),
  );
  chart.append(drawing);
  return chart;
}

function shortened(text: string): string {
  return text.length <= 30 ? text : `${text.slice(0, 29)}…`;
}
