import uPlot from 'uplot';
import type { TimeChart } from '../time-bins.ts';

const HEIGHT = 220;

/** How times stand under a chart: least seconds between two, the text, and what is put under it where that changes. */
const DAY_BELOW = '\n{YYYY}-{MM}-{DD}';
const TIMES: uPlot.Axis.Values = [
  [86_400, '{MM}-{DD}', '\n{YYYY}', null, null, null, null, null, 1],
  [60, '{HH}:{mm}', DAY_BELOW, null, DAY_BELOW, null, null, null, 1],
  [1, '{HH}:{mm}:{ss}', DAY_BELOW, null, DAY_BELOW, null, null, null, 1],
];

/** Draws each chart of the page into its place, and says how to draw them all anew. */
export function drawCharts(): () => void {
  const text = document.querySelector('#charts')?.textContent ?? '{}';
  const charts: Readonly<Record<string, TimeChart>> = JSON.parse(text);
  const places = [...document.querySelectorAll<HTMLElement>('[data-chart]')];
  const draw = () => {
    for (const place of places) {
      const chart = charts[place.dataset['chart'] ?? ''];
      place.replaceChildren();
      if (chart && chart.series.length > 0) stackedBars(place, chart);
    }
  };
  draw();
  let width = document.body.clientWidth;
  addEventListener('resize', () => {
    if (document.body.clientWidth === width) return;
    width = document.body.clientWidth;
    draw();
  });
  return draw;
}

/** Bars on top of one another: each series is drawn as the sum up to it, the highest first. */
function stackedBars(place: HTMLElement, { start, width, series }: TimeChart): void {
  const colour = (name: string) => colourOf(place, name);
  const times = (series[0]?.counts ?? []).map((_count, at) => (start + at * width) / 1000);
  const sums = stacked(series.map(({ counts }) => counts));
  const bars = uPlot.paths.bars?.({ size: [0.9, 60], align: 1 });
  const axis = {
    stroke: colour('--dim'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { stroke: colour('--line'), width: 1 },
  };
  const options: uPlot.Options = {
    width: place.clientWidth,
    height: HEIGHT,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
    cursor: { drag: { x: true, y: false } },
    scales: {
      x: { range: (_plot, from, to) => [from, to + width / 1000] },
      y: { range: (_plot, _from, to) => [0, Math.max(1, to)] },
    },
    axes: [
      { ...axis, values: TIMES },
      { ...axis, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 1e5, 1e6, 1e7] },
    ],
    series: [
      { label: 'UTC', value: '{YYYY}-{MM}-{DD} {HH}:{mm}:{ss}' },
      ...series
        .map(({ name, counts }, at): uPlot.Series => {
          const fill = colour(`--series-${(at % 12) + 1}`);
          return {
            label: name,
            stroke: fill,
            fill,
            width: 0,
            points: { show: false },
            ...(bars && { paths: bars }),
            value: (_plot, _sum, _series, index) => (index === null ? '' : String(counts[index] ?? 0)),
          };
        })
        .toReversed(),
    ],
  };
  new uPlot(options, [times, ...sums.toReversed()], place);
}

/** A canvas does not know `light-dark()`: asks what a text of that colour would have. */
function colourOf(place: HTMLElement, name: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(${name})`;
  place.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

function stacked(series: readonly (readonly number[])[]): number[][] {
  const sums: number[][] = [];
  for (const counts of series) {
    const below = sums.at(-1);
    sums.push(counts.map((count, at) => count + (below?.[at] ?? 0)));
  }
  return sums;
}
