import { lastUpTo } from '../history.ts';
import { callSeries, rowSeries, WINDOW } from '../row-series.ts';
import { el, spanOf, svg } from './dom.ts';
import type { View } from './view.ts';

/** A line or an area of a plot. */
interface Curve {
  readonly name: string;
  readonly unit: string;
  readonly kind: 'line' | 'dashed' | 'area';
  readonly points: readonly (readonly [at: number, value: number])[];
}

/** Pixels of a plot's drawing; the style sheet stretches it. */
const WIDTH = 300;
const HEIGHT = 44;
/** Milliseconds: a plot of less would be of single events. */
const SHORTEST = 30_000;

/** Small plots of the last minutes: rows of each Zeek, and how long osquery's log calls took. */
export class PlotsBlock {
  readonly element = el('div', { class: 'plots' });
  #key = '';

  render({ history, moment }: View, peers: readonly string[]): void {
    const until = history.at(moment)?.at ?? 0;
    const told = [history.rows, history.news('logger.progress', '')].map((indices) =>
      lastUpTo(indices, moment),
    );
    const progress = peers.map((peer) => lastUpTo(history.news('courier.progress', peer), moment));
    // A second is less than a pixel.
    const key = JSON.stringify([told, progress, history.at(0)?.at, Math.floor(until / 1_000), peers]);
    if (key === this.#key) return;
    this.#key = key;
    const span = Math.min(WINDOW, Math.max(SHORTEST, until - (history.at(0)?.at ?? until)));
    const rows = peers.flatMap((peer) => {
      const points = rowSeries(history, peer, moment);
      if (points.length === 0) return [];
      const curve = (name: 'taken' | 'confirmed' | 'waiting', unit: string, kind: Curve['kind']): Curve => ({
        ...{ name, unit, kind },
        points: points.map((point) => [point.at, point[name]]),
      });
      const curves = [
        curve('waiting', '', 'area'),
        curve('taken', '/s', 'line'),
        curve('confirmed', '/s', 'dashed'),
      ];
      return [plot(`Rows of ${peer}`, curves, { until, span })];
    });
    const calls = callSeries(history, moment);
    const times: Curve[] = [
      { name: 'longest', unit: ' ms', kind: 'dashed', points: calls.map(({ at, longest }) => [at, longest]) },
      { name: 'average', unit: ' ms', kind: 'line', points: calls.map(({ at, mean }) => [at, mean]) },
    ];
    this.element.replaceChildren(
      ...rows,
      ...(calls.length === 0 ? [] : [plot('Log calls', times, { until, span })]),
    );
    this.element.hidden = this.element.childElementCount === 0;
  }
}

function plot(
  title: string,
  curves: readonly Curve[],
  { until, span }: { readonly until: number; readonly span: number },
): HTMLElement {
  const now = curves.map((curve) => `${curve.name} ${amount(curve.points.at(-1)?.[1] ?? 0)}${curve.unit}`);
  // Lines share a scale, so that they can be compared; what waits is of another kind.
  const most = (kinds: (kind: Curve['kind']) => boolean) =>
    Math.max(
      0,
      ...curves.filter(({ kind }) => kinds(kind)).flatMap(({ points }) => points.map(([, y]) => y)),
    );
  const [areas, lines] = [most((kind) => kind === 'area'), most((kind) => kind !== 'area')];
  const picture = svg('svg', {
    ...{ class: 'plot', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img' },
    'aria-label': `${title} in the ${spanOf(span)} before this moment; at the end ${now.join(', ')}`,
  });
  for (const { kind, points, name } of curves) {
    const highest = kind === 'area' ? areas : lines;
    const places = points.map(([at, value]) => {
      const x = WIDTH - ((until - at) / span) * WIDTH;
      return `${x.toFixed(1)} ${(HEIGHT - 2 - (value / (highest || 1)) * (HEIGHT - 6)).toFixed(1)}`;
    });
    if (places.length === 0) continue;
    const line = `M${places.join('L')}`;
    const [first = ''] = (places[0] ?? '').split(' ');
    const [last = ''] = (places.at(-1) ?? '').split(' ');
    const d = kind === 'area' ? `M${first} ${HEIGHT}L${places.join('L')}L${last} ${HEIGHT}Z` : line;
    picture.append(svg('path', { class: `curve ${kind} ${name}`, d, 'vector-effect': 'non-scaling-stroke' }));
  }
  const keys = curves.map(({ name, unit, kind, points }) =>
    el('span', { class: `key ${kind} ${name}` }, `${name} ${amount(points.at(-1)?.[1] ?? 0)}${unit}`),
  );
  const highest = `at most ${amount(lines)}${curves.find(({ kind }) => kind !== 'area')?.unit ?? ''}`;
  return el(
    'figure',
    { class: 'plot-figure' },
    el(
      'figcaption',
      {},
      el('strong', {}, title),
      ...keys,
      el('span', { class: 'dim' }, `${highest}, last ${spanOf(span)}`),
    ),
    picture,
  );
}

function amount(value: number): string {
  if (value >= 100 || Number.isInteger(value)) return `${Math.round(value)}`;
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
