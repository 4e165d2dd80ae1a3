import type { StateValue } from 'xstate';
import type { ChartLayout } from './chart-geometry.ts';
import { highlightsOf } from './highlights.ts';

/**
 * The transitions that a step took, as the chart has them: from, to, and the lines of the edge with their guards that
 * name its event. Which of several guarded lines of one edge it was, a step does not tell.
 */
export function transitionsTaken(
  chart: ChartLayout,
  step: { readonly event: string; readonly state: StateValue },
  before: StateValue | null,
): readonly string[] {
  const { taken } = highlightsOf(chart, step, before);
  const named = (id: string) => id.slice(chart.machine.length + 1) || chart.machine;
  return [...taken].flatMap((index) => {
    const edge = chart.edges[index];
    return edge ? [`${named(edge.from)} → ${named(edge.to)}: ${edge.label.lines.join(' or ')}`] : [];
  });
}
