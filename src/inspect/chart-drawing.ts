import { type ChartLayout, METRICS, type PlacedState, type PlacedTransition } from './chart-geometry.ts';
import { isTroubleState } from './trouble.ts';

/** A piece of a drawing: an SVG element, whose text is text and never markup. */
export interface Shape {
  readonly tag: 'g' | 'rect' | 'circle' | 'path' | 'text' | 'title';
  readonly attributes: Readonly<Record<string, string>>;
  readonly text?: string;
  readonly shapes?: readonly Shape[];
}

/** Which states are active, and which way the machine came there last. */
export interface Highlights {
  readonly active: ReadonlySet<string>;
  /** Indices of edges. */
  readonly taken: ReadonlySet<number>;
}

export const NO_HIGHLIGHTS: Highlights = { active: new Set(), taken: new Set() };

/** The chart drawn; classes say what is what, a style sheet says how it looks. */
export function draw({ nodes, edges }: ChartLayout, lights: Highlights): Shape[] {
  const isLit = (_: unknown, index: number) => lights.taken.has(index);
  return [
    ...nodes.map((node) => drawState(node, lights.active.has(node.id))),
    ...edges.map((edge, index) => drawLine(edge, isLit(edge, index))),
    ...edges.map((edge, index) => drawLabel(edge, isLit(edge, index))),
  ];
}

function drawState(node: PlacedState, active: boolean): Shape {
  const { x, y, width, height, kind, name, lines, isInitial, description, id } = node;
  const left = x + METRICS.padding;
  if (kind === 'any') {
    const centre = { cx: `${x + width / 2}`, cy: `${y + height / 2}` };
    return group('any', [
      { tag: 'title', attributes: {}, text: 'from any of the states here' },
      { tag: 'circle', attributes: { ...centre, r: `${width / 2}` } },
      label('any-name', x + width / 2, y + height / 2 + 6, '∗'),
    ]);
  }
  const first = y + METRICS.padding + METRICS.name.line - 5;
  const shapes: Shape[] = [
    { tag: 'title', attributes: {}, text: description === '' ? id : `${id}: ${description}` },
    { tag: 'rect', attributes: { ...boxOf(node), rx: '8' } },
    ...(kind === 'final' ? [{ tag: 'rect' as const, attributes: { ...inner(node), rx: '6' } }] : []),
    ...(isInitial
      ? [{ tag: 'circle' as const, attributes: { class: 'initial', cx: `${x}`, cy: `${y + 17}`, r: '4' } }]
      : []),
    label('name', left, first, name),
    ...lines.map(({ kind: role, text }, index) =>
      label(role, left, first + (index + 1) * METRICS.text.line, text),
    ),
  ];
  const lit = active ? ` active${isTroubleState(id) ? ' trouble' : ''}` : '';
  return group(`state ${kind}${lit}`, shapes, { 'data-state': id });
}

function drawLine({ points }: PlacedTransition, taken: boolean): Shape {
  const line = points.map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${x} ${y}`).join(' ');
  const shapes: Shape[] = [{ tag: 'path', attributes: { class: 'line', d: line } }];
  const head = headOf(points);
  if (head !== '') shapes.push({ tag: 'path', attributes: { class: 'head', d: head } });
  return group(`edge${taken ? ' taken' : ''}`, shapes);
}

/** The arrow's head at the end of its line. */
function headOf(points: PlacedTransition['points']): string {
  const [before, end] = points.slice(-2);
  if (!before || !end) return '';
  const length = Math.hypot(end.x - before.x, end.y - before.y) || 1;
  const [dx, dy] = [(end.x - before.x) / length, (end.y - before.y) / length];
  const corner = (side: number) => `${end.x - 8 * dx - side * 4 * dy} ${end.y - 8 * dy + side * 4 * dx}`;
  return `M${end.x} ${end.y} L${corner(1)} L${corner(-1)} Z`;
}

function drawLabel({ label: box }: PlacedTransition, taken: boolean): Shape {
  const shapes = box.lines.map((text, index) =>
    label('event', box.x, box.y + (index + 1) * METRICS.text.line - 3, text),
  );
  return group(`edge-label${taken ? ' taken' : ''}`, shapes);
}

function group(name: string, shapes: readonly Shape[], attributes: Shape['attributes'] = {}): Shape {
  return { tag: 'g', attributes: { class: name, ...attributes }, shapes };
}

function label(name: string, x: number, y: number, text: string): Shape {
  return { tag: 'text', attributes: { class: name, x: `${x}`, y: `${y}` }, text };
}

function boxOf({ x, y, width, height }: PlacedState): Record<string, string> {
  return { x: `${x}`, y: `${y}`, width: `${width}`, height: `${height}` };
}

function inner({ x, y, width, height }: PlacedState): Record<string, string> {
  return { class: 'inner', x: `${x + 3}`, y: `${y + 3}`, width: `${width - 6}`, height: `${height - 6}` };
}
