import type { Chart, ChartState } from './chart.ts';

/**
 * A chart as Mermaid's `stateDiagram-v2`, for documents. Mermaid draws no transition between the insides of different
 * states: such a one is drawn between the states that hold them, and its label says where it leads. What may be taken
 * from any state of a group leaves a box of its own.
 */
export function mermaidOf(chart: Chart): string {
  return `${['stateDiagram-v2', ...insideOf(chart.root, chart, 1)].join('\n')}\n`;
}

function insideOf(state: ChartState, chart: Chart, depth: number): string[] {
  const indent = '  '.repeat(depth);
  return [
    ...state.states.flatMap((child, index) => [
      ...(state.kind === 'parallel' && index > 0 ? ['--'] : []),
      `state "${oneLine(child.name)}" as ${idOf(child.id)}`,
      ...(child.states.length > 0
        ? [`state ${idOf(child.id)} {`, ...insideOf(child, chart, 1), '}']
        : [
            `${idOf(child.id)}: ${oneLine([child.name, child.description].filter((part) => part !== '').join(' – '))}`,
          ]),
      ...(child.isInitial ? [`[*] --> ${idOf(child.id)}`] : []),
      ...(child.kind === 'final' ? [`${idOf(child.id)} --> [*]`] : []),
    ]),
    ...(state.kind === 'parallel' ? [] : arrowsIn(state, chart)),
  ].map((line) => `${indent}${line}`);
}

/** The transitions between the direct children of a state. */
function arrowsIn(state: ChartState, { transitions }: Chart): string[] {
  const any = `${idOf(state.id)}_any`;
  const ids = state.states.map(({ id }) => id);
  const arrows = transitions.flatMap(({ from, to, label }) => {
    const target = ids.find((id) => isWithin(to, id));
    const source = ids.find((id) => isWithin(from, id));
    const isOfAll = from === state.id;
    if (!target || (!source && !isOfAll)) return [];
    // What happens inside of one state is told there.
    if (source === target && (from !== source || to !== target)) return [];
    const text = [
      label || 'at once',
      ...(source && from !== source ? [`from ${from.slice(source.length + 1)}`] : []),
      ...(to === target ? [] : [`to ${to.slice(target.length + 1)}`]),
    ];
    return [`${source ? idOf(source) : any} --> ${idOf(target)}: ${oneLine(text.join(' '))}`];
  });
  return arrows.some((arrow) => arrow.startsWith(`${any} `))
    ? [`state "any of these" as ${any}`, ...arrows]
    : arrows;
}

function isWithin(id: string, holder: string): boolean {
  return id === holder || id.startsWith(`${holder}.`);
}

function idOf(id: string): string {
  return id.replaceAll(/[^A-Za-z0-9]/g, '_');
}

/** Mermaid ends a statement at a line end or semicolon, and a name at a quote; a colon begins the label. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll(';', ',').replaceAll('"', "'").replaceAll(':', ' –');
}
