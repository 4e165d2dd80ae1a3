import { draw, type Highlights, NO_HIGHLIGHTS, type Shape } from './chart-drawing.ts';
import { type ChartLayout, METRICS } from './chart-geometry.ts';

/** How a chart looks in a file of its own, in light and in dark. */
const STYLE = `
.chart { font-family: system-ui, 'DejaVu Sans', sans-serif; font-size: ${METRICS.text.size}px; }
.background { fill: #ffffff; }
.state rect { fill: #f6f8fa; stroke: #8b949e; }
.state.compound > rect, .state.parallel > rect { fill: #ffffff; }
.state.parallel > rect { stroke-dasharray: 6 3; }
.state .inner { fill: none; }
.initial { fill: #1f2328; }
.any circle { fill: #ffffff; stroke: #8b949e; }
text { fill: #57606a; }
.any-name { text-anchor: middle; font-size: 16px; }
.name { fill: #1f2328; font-size: ${METRICS.name.size}px; font-weight: 600; }
.invoke { fill: #8250df; }
.internal { fill: #0969da; }
.event { fill: #0550ae; paint-order: stroke; stroke: #ffffff; stroke-width: 3px; }
.line { fill: none; stroke: #57606a; }
.head { fill: #57606a; }
.state.active > rect { stroke: #1a7f37; stroke-width: 2; }
.state.active.atomic > rect, .state.active.final > rect { fill: #dafbe1; }
.state.active.trouble > rect { stroke: #9a6700; }
.state.active.trouble.atomic > rect { fill: #fff8c5; }
.taken .line { stroke: #cf222e; stroke-width: 2.5; }
.taken .head, .taken .event { fill: #cf222e; }
.taken .event { font-weight: 700; }
@media (prefers-color-scheme: dark) {
  .background, .state.compound > rect, .state.parallel > rect, .any circle { fill: #0d1117; }
  .state rect { fill: #161b22; stroke: #6e7681; }
  .initial, .name { fill: #e6edf3; }
  text { fill: #9ea7b3; }
  .invoke { fill: #d2a8ff; }
  .internal { fill: #58a6ff; }
  .event { fill: #79c0ff; stroke: #0d1117; }
  .line { stroke: #8b949e; }
  .head { fill: #8b949e; }
  .state.active > rect { stroke: #3fb950; }
  .state.active.atomic > rect, .state.active.final > rect { fill: #12361f; }
  .state.active.trouble > rect { stroke: #d29922; }
  .state.active.trouble.atomic > rect { fill: #3a2a08; }
  .taken .line { stroke: #ff7b72; }
  .taken .head, .taken .event { fill: #ff7b72; }
}`;

/**
 * A chart as an SVG document.
 * @param lights states and transitions that are highlighted
 */
export function svgOf(layout: ChartLayout, lights: Highlights = NO_HIGHLIGHTS): string {
  const { width, height, machine, description } = layout;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" class="chart" role="img">`,
    `<title>${escaped(`${machine}: ${description}`)}</title>`,
    `<style>${STYLE}\n</style>`,
    `<rect class="background" width="100%" height="100%"/>`,
    ...draw(layout, lights).map(print),
    '</svg>\n',
  ].join('\n');
}

function print({ tag, attributes, text, shapes = [] }: Shape): string {
  const printed = Object.entries(attributes).map(([name, value]) => ` ${name}="${escaped(value)}"`);
  const content = text === undefined ? shapes.map(print).join('') : escaped(text);
  return content === '' ? `<${tag}${printed.join('')}/>` : `<${tag}${printed.join('')}>${content}</${tag}>`;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escaped(text: string): string {
  return text.replaceAll(/[&<>"]/g, (sign) => ENTITIES[sign] ?? sign);
}
