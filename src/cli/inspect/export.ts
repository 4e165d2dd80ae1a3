import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MACHINES } from '../../../actors/machines.ts';
import { type Io, printLine } from '../io.ts';

/** In place of a machine's name. */
export const ALL = 'all';

/** What is wrong with a file to draw into; null if nothing is. */
export function whyNotDrawn(path: string, machine: string): string | null {
  if (path.endsWith('.md')) return null;
  if (machine === ALL) {
    return path.endsWith('.svg')
      ? `${path} holds one statechart: name a directory, or a file that ends in .md`
      : null;
  }
  return path.endsWith('.svg')
    ? null
    : 'A statechart can be drawn into a file whose name ends in .svg or .md.';
}

/** Draws the statechart of a machine, or of all, into a file; of all as SVG into a directory, which is made. */
export async function exportCharts(io: Io, path: string, machine: string): Promise<void> {
  const names = machine === ALL ? [...MACHINES.keys()] : [machine];
  if (path.endsWith('.md')) {
    await writeFile(path, (await Promise.all(names.map(asMarkdown))).join('\n'));
    await printLine(
      io.err,
      `${path}: the ${names.length === 1 ? 'statechart' : 'statecharts'} of ${names.join(', ')}`,
    );
    return;
  }
  const drawn = await svgsOf(names);
  if (machine === ALL) await mkdir(path, { recursive: true });
  for (const [name, text] of drawn) {
    const file = machine === ALL ? join(path, `${name}.svg`) : path;
    await writeFile(file, text);
    await printLine(io.err, `${file}: the statechart of ${name}`);
  }
}

async function svgsOf(names: readonly string[]): Promise<readonly (readonly [name: string, text: string])[]> {
  const [{ layOutCharts }, { svgOf }] = await Promise.all([
    import('./charts.ts'),
    import('../../inspect/svg.ts'),
  ]);
  const layouts = (await layOutCharts()).filter(({ machine }) => names.includes(machine));
  return layouts.map((layout) => [layout.machine, svgOf(layout)]);
}

async function asMarkdown(name: string): Promise<string> {
  const [{ chartOf }, { mermaidOf }] = await Promise.all([
    import('../../inspect/chart.ts'),
    import('../../inspect/mermaid.ts'),
  ]);
  const machine = MACHINES.get(name);
  if (!machine) return '';
  const chart = chartOf(machine);
  return `# ${chart.machine}\n\n${chart.description}\n\n\`\`\`mermaid\n${mermaidOf(chart)}\`\`\`\n`;
}
