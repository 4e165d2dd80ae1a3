import elk, { type ElkExtendedEdge, type ElkNode } from 'elkjs/lib/elk.bundled.js';
import type { Chart, ChartState, ChartTransition } from './chart.ts';
import { type ChartLayout, METRICS, type PlacedState, type PlacedTransition } from './chart-geometry.ts';

// The module is the class; its declarations speak of a `default` that only a bundler makes.
const Elk = elk as unknown as typeof elk.default;

const WRAP_AT = 34;
const ANY = '.*';

/** Lays a chart out, nested states in their parents, layer by layer from left to right. */
export async function layOut(chart: Chart): Promise<ChartLayout> {
  const edges = merged(chart.transitions);
  const withAny = new Set(edges.filter(isOfAll).map(({ from }) => from));
  const placed = new Map<string, PlacedState>();
  const graph: ElkNode = {
    id: 'chart',
    layoutOptions: OPTIONS,
    children: [elkNode(chart.root, withAny)],
    edges: edges.map((edge, index) => ({
      id: `edge:${index}`,
      sources: [isOfAll(edge) ? `${edge.from}${ANY}` : edge.from],
      targets: [edge.to],
      labels: [{ text: edge.labels.join('\n'), ...sizeOf(edge.labels) }],
    })),
  };
  const result = await new Elk().layout(graph);
  collect(result, statesById(chart.root), placed);
  return {
    machine: chart.machine,
    description: chart.description,
    width: Math.ceil(result.width ?? 0),
    height: Math.ceil(result.height ?? 0),
    nodes: [...placed.values()],
    edges: (result.edges ?? []).flatMap((edge, index) => {
      const { from, to, events, labels } = edges[index] ?? { from: '', to: '', events: [], labels: [] };
      return [{ from, to, events, ...placeOf(edge, labels) }];
    }),
  };
}

const OPTIONS = {
  'elk.algorithm': 'layered',
  'elk.direction': 'RIGHT',
  'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
  'elk.json.shapeCoords': 'ROOT',
  'elk.json.edgeCoords': 'ROOT',
  'elk.edgeRouting': 'ORTHOGONAL',
  'elk.padding': '[top=12,left=12,bottom=12,right=12]',
  'elk.spacing.nodeNode': '22',
  'elk.spacing.edgeNode': '14',
  'elk.spacing.edgeEdge': '12',
  'elk.spacing.edgeLabel': '4',
  'elk.layered.spacing.nodeNodeBetweenLayers': '30',
  'elk.layered.spacing.edgeNodeBetweenLayers': '14',
  'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES',
  // What begins stands to the left: only transitions to former states run back.
  'elk.layered.cycleBreaking.strategy': 'MODEL_ORDER',
  'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
  'elk.edgeLabels.inline': 'false',
};

/** Of a state in which another begins. */
const FIRST = { 'elk.layered.layering.layerConstraint': 'FIRST' };

interface Edge {
  readonly from: string;
  readonly to: string;
  readonly events: readonly string[];
  readonly labels: readonly string[];
}

/** Transitions between the same two states become one edge with a line for each. */
function merged(transitions: readonly ChartTransition[]): Edge[] {
  const edges = new Map<string, Edge>();
  for (const { from, to, event, label } of transitions) {
    const key = JSON.stringify([from, to]);
    const edge = edges.get(key) ?? { from, to, events: [], labels: [] };
    edges.set(key, {
      from,
      to,
      events: [...new Set([...edge.events, event])],
      labels: [...new Set([...edge.labels, label || 'at once'])],
    });
  }
  return [...edges.values()];
}

function isOfAll({ from, to }: Pick<Edge, 'from' | 'to'>): boolean {
  return to.startsWith(`${from}.`);
}

function elkNode(state: ChartState, withAny: ReadonlySet<string>): ElkNode {
  const lines = linesOf(state);
  const text = sizeOf(lines.map((line) => line.text));
  const width = Math.max(text.width, state.name.length * METRICS.name.letter) + 2 * METRICS.padding;
  const height = METRICS.name.line + text.height + 2 * METRICS.padding - (lines.length === 0 ? 2 : 0);
  const place = state.isInitial ? { layoutOptions: FIRST } : {};
  if (state.states.length === 0) return { id: state.id, width, height, ...place };
  const any = withAny.has(state.id) ? [{ id: `${state.id}${ANY}`, width: 22, height: 22 }] : [];
  return {
    id: state.id,
    children: [...any, ...state.states.map((child) => elkNode(child, withAny))],
    layoutOptions: {
      ...place.layoutOptions,
      'elk.padding': `[top=${Math.ceil(height + 4)},left=14,bottom=14,right=14]`,
      'elk.nodeSize.constraints': 'MINIMUM_SIZE',
      'elk.nodeSize.minimum': `(${Math.ceil(width)},${Math.ceil(height)})`,
    },
  };
}

/** What stands in a state's box under its name. */
function linesOf(state: ChartState): PlacedState['lines'] {
  return [
    ...wrap(state.description, state.states.length > 0 ? 2 * WRAP_AT : WRAP_AT).map((text) => ({
      kind: 'description' as const,
      text,
    })),
    ...state.invokes.map((text) => ({ kind: 'invoke' as const, text: `runs ${text}` })),
    ...wrap(state.internal.join(', '), state.states.length > 0 ? 2 * WRAP_AT : WRAP_AT).map(
      (text, index) => ({
        kind: 'internal' as const,
        text: `${index === 0 ? 'on ' : ''}${text}`,
      }),
    ),
  ];
}

/** Lines of at most so many letters, but for words that are longer. */
export function wrap(text: string, most: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= most)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function sizeOf(lines: readonly string[]): { readonly width: number; readonly height: number } {
  const longest = Math.max(0, ...lines.map(({ length }) => length));
  return { width: Math.ceil(longest * METRICS.text.letter), height: lines.length * METRICS.text.line };
}

function statesById(state: ChartState): Map<string, ChartState> {
  return new Map([[state.id, state], ...state.states.flatMap((child) => [...statesById(child)])]);
}

function collect(
  node: ElkNode,
  states: ReadonlyMap<string, ChartState>,
  into: Map<string, PlacedState>,
): void {
  const { id, x = 0, y = 0, width = 0, height = 0 } = node;
  const box = { x, y, width, height };
  const state = states.get(id);
  if (state) {
    const { name, kind, isInitial, description } = state;
    into.set(id, { id, name, kind, isInitial, description, lines: linesOf(state), ...box });
  } else if (id.endsWith(ANY)) {
    into.set(id, { id, name: '*', kind: 'any', isInitial: false, description: '', lines: [], ...box });
  }
  for (const child of node.children ?? []) collect(child, states, into);
}

function placeOf(
  edge: ElkExtendedEdge,
  lines: readonly string[],
): Pick<PlacedTransition, 'points' | 'label'> {
  const { x = 0, y = 0, width = 0, height = 0 } = edge.labels?.[0] ?? {};
  return {
    points: (edge.sections ?? []).flatMap(({ startPoint, bendPoints = [], endPoint }) => [
      startPoint,
      ...bendPoints,
      endPoint,
    ]),
    label: { x, y, width, height, lines },
  };
}
