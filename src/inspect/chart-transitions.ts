import type { StateValue } from 'xstate';
import type { ChartLayout } from './chart-geometry.ts';
import { highlightsOf, type LitStep } from './highlights.ts';

/**
 * The transitions that a step took: from, to, event with guard and actions. Where that was not seen: the lines of the
 * chart's edges that it may have taken, each with all its guards.
 */
export function transitionsTaken(
  chart: ChartLayout,
  step: LitStep,
  before: StateValue | null,
): readonly string[] {
  const named = (id: string) => id.slice(chart.machine.length + 1) || chart.machine;
  if (step.effects) {
    return step.effects.taken.map(({ from, to, label }) => {
      const way =
        to.length === 0 ? `${named(from)}, not left` : `${named(from)} → ${to.map(named).join(', ')}`;
      return label === '' ? way : `${way}: ${label}`;
    });
  }
  return [...highlightsOf(chart, step, before).taken].flatMap((index) => {
    const edge = chart.edges[index];
    return edge ? [`${named(edge.from)} → ${named(edge.to)}: ${edge.label.lines.join(' or ')}`] : [];
  });
}
