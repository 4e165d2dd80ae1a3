import { writeFile } from 'node:fs/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { MACHINES } from '../../actors/machines.ts';
import type { Io } from './io.ts';
import { printLine } from './io.ts';

interface InspectOptions {
  readonly export?: string;
  readonly machine?: string;
}

/** `bro-osquery inspect`: the machines, the bus and the log, to look at. */
export function inspectCommand(io: Io): Command {
  return new Command('inspect')
    .description("look at the machines: draw a machine's statechart")
    .addOption(
      new Option('--export <file>', 'draw a statechart into a file: .svg, or .md for Mermaid').argParser(
        drawing,
      ),
    )
    .addOption(
      new Option('--machine <name>', 'of which machine').choices([...MACHINES.keys()]).default('bro-peer'),
    )
    .action(async (options: InspectOptions, command: Command) => {
      if (options.export === undefined) command.error('error: name a file to --export to');
      else await exportChart(io, options.export, options.machine ?? '');
    });
}

function drawing(text: string): string {
  if (/\.(svg|md)$/.test(text)) return text;
  throw new InvalidArgumentError('A statechart can be drawn into a file whose name ends in .svg or .md.');
}

async function exportChart(io: Io, file: string, name: string): Promise<void> {
  const machine = MACHINES.get(name);
  if (!machine) return;
  const { chartOf } = await import('../inspect/chart.ts');
  const chart = chartOf(machine);
  await writeFile(file, file.endsWith('.svg') ? await asSvg(chart) : await asMarkdown(chart));
  await printLine(io.err, `${file}: the statechart of ${name}`);
}

async function asSvg(chart: import('../inspect/chart.ts').Chart): Promise<string> {
  const [{ layOut }, { svgOf }] = await Promise.all([
    import('../inspect/chart-layout.ts'),
    import('../inspect/svg.ts'),
  ]);
  return svgOf(await layOut(chart));
}

async function asMarkdown(chart: import('../inspect/chart.ts').Chart): Promise<string> {
  const { mermaidOf } = await import('../inspect/mermaid.ts');
  return `# ${chart.machine}\n\n${chart.description}\n\n\`\`\`mermaid\n${mermaidOf(chart)}\`\`\`\n`;
}
