import type { LayOut } from '../../report/graph.ts';

/** ELK, loaded when there is something to draw. */
export const layOut: LayOut = async (graph) => {
  const { default: loaded } = await import('elkjs/lib/elk.bundled.js');
  // The module is the class; its declarations speak of a `default` that only a bundler makes.
  const Elk = ('default' in loaded ? loaded.default : loaded) as unknown as typeof loaded.default;
  return new Elk().layout(graph);
};
