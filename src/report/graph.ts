import type { ElkNode } from 'elkjs/lib/elk-api.js';
import { html, type Markup } from './markup.ts';

/** A graph to be drawn: boxes with lines of text, arrows with a label. */
export interface Graph {
  readonly nodes: readonly {
    readonly id: string;
    readonly lines: readonly string[];
    readonly kind: string;
  }[];
  readonly edges: readonly {
    readonly from: string;
    readonly to: string;
    readonly label: string;
    /** How wide the arrow is, in pixels. */
    readonly width: number;
  }[];
}

/** Lays the graph out. Given from outside, for the engine is large and only wanted where there is something to draw. */
export type LayOut = (graph: ElkNode) => Promise<ElkNode>;

const OPTIONS = {
  'elk.algorithm': 'layered',
  'elk.direction': 'RIGHT',
  'elk.edgeRouting': 'SPLINES',
  'elk.padding': '[top=8,left=8,bottom=8,right=8]',
  'elk.spacing.nodeNode': '14',
  'elk.spacing.edgeLabel': '3',
  'elk.layered.spacing.nodeNodeBetweenLayers': '40',
  'elk.edgeLabels.inline': 'true',
};
const SIZE = 12;
const LINE = 16;
const MARGIN = 8;
const LONGEST = 36;

/** The graph as an SVG inside a page, whose style has its colours. */
export async function graphSvg(graph: Graph, title: string, layOut: LayOut): Promise<Markup> {
  const placed = await layOut({
    id: 'graph',
    layoutOptions: OPTIONS,
    children: graph.nodes.map(({ lines }, at) => ({ id: `n${at}`, ...sizeOf(lines.map(shown)) })),
    edges: graph.edges.map(({ from, to, label }, at) => ({
      id: `e${at}`,
      sources: [`n${graph.nodes.findIndex(({ id }) => id === from)}`],
      targets: [`n${graph.nodes.findIndex(({ id }) => id === to)}`],
      labels: label === '' ? [] : [{ text: shown(label), width: widthOf(shown(label)), height: LINE }],
    })),
  });
  const width = Math.ceil(placed.width ?? 0);
  const height = Math.ceil(placed.height ?? 0);
  const edges = (placed.edges ?? []).map((edge, at) => {
    const { width: stroke = 1, label = '' } = graph.edges[at] ?? {};
    const [section] = edge.sections ?? [];
    const points = section ? [section.startPoint, ...(section.bendPoints ?? []), section.endPoint] : [];
    const [place] = edge.labels ?? [];
    return html`<path class="edge" d="${path(points)}" stroke-width="${stroke.toFixed(1)}" marker-end="url(#head)"/>${
      place
        ? html`<text class="on-edge" x="${round(place.x)}" y="${round((place.y ?? 0) + SIZE)}">${shown(label)}</text>`
        : ''
    }`;
  });
  const nodes = (placed.children ?? []).map((node, at) => {
    const { lines = [], kind = '' } = graph.nodes[at] ?? {};
    const x = round(node.x);
    return html`<g class="node ${kind}"><rect x="${x}" y="${round(node.y)}" width="${round(node.width)}" height="${round(node.height)}" rx="5"/>${lines.map(
      (line, index) =>
        html`<text class="${index === 0 ? 'first' : 'more'}" x="${x + MARGIN}" y="${round(node.y) + MARGIN + SIZE + index * LINE - 1}">${shown(line)}<title>${line}</title></text>`,
    )}</g>`;
  });
  return html`<svg class="graph" role="img" aria-label="${title}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"><defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto"><path class="head" d="M0 0L8 4L0 8z"/></marker></defs>${edges}${nodes}</svg>`;
}

function shown(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`;
}

function sizeOf(lines: readonly string[]): { readonly width: number; readonly height: number } {
  return {
    width: Math.max(40, ...lines.map(widthOf)) + 2 * MARGIN,
    height: lines.length * LINE + 2 * MARGIN - 2,
  };
}

/** Wide enough in any font of the page's: letters of other scripts are wider than those of ours. */
function widthOf(text: string): number {
  return [...text].reduce((sum, char) => sum + (char.charCodeAt(0) < 0x2e80 ? 7.2 : 13), 0);
}

function round(value: number | undefined): number {
  return Math.round(value ?? 0);
}

/** ELK gives splines as groups of three points behind the first. */
function path(points: readonly { readonly x: number; readonly y: number }[]): string {
  const [start, ...rest] = points.map(({ x, y }) => `${round(x)} ${round(y)}`);
  if (start === undefined) return '';
  const isSpline = rest.length % 3 === 0 && rest.length > 0;
  return `M${start}${isSpline ? `C${rest.join(' ')}` : rest.map((point) => `L${point}`).join('')}`;
}
