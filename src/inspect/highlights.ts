import type { StateValue } from 'xstate';
import type { StepEffects } from '../../actors/step-effects.ts';
import type { Highlights } from './chart-drawing.ts';
import type { ChartLayout } from './chart-geometry.ts';

/** Ids of the active states, from the machine's own on. */
export function activeStates(machine: string, state: StateValue): Set<string> {
  if (typeof state === 'string') return new Set([machine, `${machine}.${state}`]);
  return new Set([
    machine,
    ...Object.entries(state).flatMap(([key, inner]) =>
      inner === undefined ? [] : [...activeStates(`${machine}.${key}`, inner)],
    ),
  ]);
}

/** A state in words, its regions apart: `link.linked.peered(sync.settled, health.responsive)`. */
export function formatState(state: StateValue): string {
  if (typeof state === 'string') return state;
  const parts = Object.entries(state).map(([key, inner]) => {
    const text = inner === undefined ? '' : formatState(inner);
    if (text === '') return key;
    return typeof inner === 'object' && Object.keys(inner).length > 1 ? `${key}(${text})` : `${key}.${text}`;
  });
  return parts.join(', ');
}

/** A step, as far as it says what is lit. */
export interface LitStep {
  readonly event: string;
  readonly state: StateValue;
  /** Null where it was not seen which transitions it took. */
  readonly effects: StepEffects | null;
}

/** What is lit after a step: the active states, and the edges that it took. */
export function highlightsOf(chart: ChartLayout, step: LitStep, before: StateValue | null): Highlights {
  if (!step.effects) return likelyHighlights(chart, step, before);
  const taken = new Set<number>();
  for (const { from, to } of step.effects.taken) {
    for (const [index, edge] of chart.edges.entries()) {
      if (edge.from === from && to.includes(edge.to)) taken.add(index);
    }
  }
  return { active: activeStates(chart.machine, step.state), taken };
}

/**
 * Where it was not seen what a step took. Guards are not asked again: of the edges with the event those count that led
 * from a state that was active to one that is; from there on, those that are taken at once.
 */
function likelyHighlights(
  { machine, edges }: ChartLayout,
  step: LitStep,
  before: StateValue | null,
): Highlights {
  const active = activeStates(machine, step.state);
  const former: ReadonlySet<string> = before === null ? new Set() : activeStates(machine, before);
  const taken = new Set<number>();
  const offered = [...edges.entries()].filter(
    ([, { from, events }]) => former.has(from) && events.some((event) => hears(event, step.event)),
  );
  const arrived = offered.filter(([, { to }]) => active.has(to));
  if (arrived.length > 0) for (const [index] of arrived) taken.add(index);
  else {
    // It led through a state that was left at once; or it was dealt with inside, and its outcome led on at once.
    const ways = offered.map(([index, { to }]) => ({ first: [index], from: to }));
    const left = [...former].filter((state) => !active.has(state)).map((from) => ({ first: [], from }));
    for (const { first, from } of [...ways, ...left]) {
      const path = atOnce(edges, from, active);
      if (!path) continue;
      for (const index of [...first, ...path]) taken.add(index);
      break;
    }
  }
  return { active, taken };
}

/** Edges that are taken at once, from a state to an active one; null if there are none. */
function atOnce(
  edges: ChartLayout['edges'],
  from: string,
  active: ReadonlySet<string>,
  seen: ReadonlySet<string> = new Set(),
): number[] | null {
  for (const [index, edge] of edges.entries()) {
    if (edge.from !== from || !edge.events.includes('') || seen.has(edge.to)) continue;
    if (active.has(edge.to)) return [index];
    const rest = atOnce(edges, edge.to, active, new Set([...seen, from]));
    if (rest) return [index, ...rest];
  }
  return null;
}

function hears(pattern: string, event: string): boolean {
  return pattern === event || (pattern.endsWith('.*') && event.startsWith(pattern.slice(0, -1)));
}
