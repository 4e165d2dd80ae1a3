import { MACHINES } from '../../../actors/machines.ts';
import type { ChartLayout } from '../../inspect/chart-geometry.ts';

/**
 * Every machine's statechart, laid out. In the one executable this module is replaced by one that has the result in
 * it: the layout takes a second of work and a hundred megabytes that a sensor has no other use for.
 */
export async function layOutCharts(): Promise<readonly ChartLayout[]> {
  const [{ chartOf }, { layOut }] = await Promise.all([
    import('../../inspect/chart.ts'),
    import('../../inspect/chart-layout.ts'),
  ]);
  return Promise.all([...MACHINES.values()].map((machine) => layOut(chartOf(machine))));
}
