import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { MACHINES } from '../../actors/machines.ts';
import type { Conversation } from '../inspect/inspect-server.ts';
import { reasonOf } from '../text/reason.ts';
import { type InspectAddress, parseInspectAddress } from './inspect/address.ts';
import { inspectAddress, readToken } from './inspect/options.ts';
import { type Io, printLine } from './io.ts';
import { VERSION } from './version.ts';

interface InspectOptions {
  readonly live?: InspectAddress;
  readonly listen: InspectAddress;
  readonly tokenFile?: string;
  readonly liveTokenFile?: string;
  readonly export?: string;
  readonly machine: string;
  readonly sandbox?: boolean;
}

/** Where the sandbox's page is, unless --listen says otherwise. */
const SANDBOX_PORT = 9909;

/** `bro-osquery inspect`: the machines, the bus and the log, to look at. */
export function inspectCommand(io: Io): Command {
  return new Command('inspect')
    .description('look at machines, messages, schedule and log in a browser; or draw a statechart')
    .argument('[path]', 'a state directory or a segment of its log (also a copy), or a trace')
    .addOption(
      new Option('--live <address>', "a running extension's --inspect: host:port, or a Unix socket")
        .argParser(inspectAddress)
        .conflicts('export'),
    )
    .addOption(
      new Option('--listen <address>', 'where to serve the page; elsewhere than on loopback with a token')
        .argParser(inspectAddress)
        .default(parseInspectAddress('127.0.0.1:0'), '127.0.0.1 on any free port'),
    )
    .option('--token-file <file>', 'the token that the page asks for, instead of a random one elsewhere')
    .option('--live-token-file <file>', "the running extension's --inspect-token-file")
    .addOption(
      new Option(
        '--sandbox',
        'run osqueryd or its stand-in, a stand-in Zeek and the extension, and look at them',
      ).conflicts(['live', 'export']),
    )
    .addOption(
      new Option('--export <file>', 'draw a statechart into a file: .svg, or .md for Mermaid').argParser(
        drawing,
      ),
    )
    .addOption(
      new Option('--machine <name>', 'of which machine').choices([...MACHINES.keys()]).default('bro-peer'),
    )
    .action(async (path: string | undefined, options: InspectOptions, command: Command) => {
      if (options.sandbox) {
        const { runSandbox } = await import('./inspect/sandbox.ts');
        return runSandbox(io, options.listen.listen.port || SANDBOX_PORT);
      }
      if (options.export !== undefined) return exportChart(io, options.export, options.machine);
      if ((path === undefined) === (options.live === undefined)) {
        command.error('error: name a state directory or a trace, or a running extension with --live');
      }
      await serve(io, path, options).catch((error: unknown) => {
        command.error(`error: cannot show ${path ?? 'that'}: ${reasonOf(error)}`);
      });
    });
}

/** Serves until the user has had enough. */
async function serve(io: Io, path: string | undefined, options: InspectOptions): Promise<void> {
  const { startInspectServer } = await import('../inspect/inspect-server.ts');
  const { pageAssets } = await import('./inspect/page-assets.ts');
  const token = await tokenFor(io, options);
  const server = await startInspectServer({
    listen: options.listen.listen,
    token,
    version: VERSION,
    now: io.now,
    page: pageAssets,
    conversation: await conversationAbout(io, path, options),
  });
  await printLine(io.out, `${server.address}${token === null ? '' : `#token=${encodeURIComponent(token)}`}`);
  await printLine(io.err, 'Open this address in a browser; Ctrl-C ends it.');
  if (!io.interrupted.aborted) await once(io.interrupted, 'abort');
  await server.close();
}

async function conversationAbout(
  io: Io,
  path: string | undefined,
  { live, liveTokenFile }: InspectOptions,
): Promise<Conversation> {
  if (live) {
    const { relayTo } = await import('./inspect/relay.ts');
    return relayTo(live.socketUrl, liveTokenFile === undefined ? '' : await readToken(liveTokenFile));
  }
  const { createConversation } = await import('../inspect/inspect-server.ts');
  const { fileSource } = await import('./inspect/sources.ts');
  return createConversation(await fileSource(path ?? ''), { version: VERSION, now: io.now });
}

async function tokenFor(io: Io, { listen, tokenFile }: InspectOptions): Promise<string | null> {
  if (tokenFile !== undefined) return readToken(tokenFile);
  return listen.isLocal ? null : io.randomId();
}

function drawing(text: string): string {
  if (/\.(svg|md)$/.test(text)) return text;
  throw new InvalidArgumentError('A statechart can be drawn into a file whose name ends in .svg or .md.');
}

async function exportChart(io: Io, file: string, name: string): Promise<void> {
  await writeFile(file, file.endsWith('.svg') ? await asSvg(name) : await asMarkdown(name));
  await printLine(io.err, `${file}: the statechart of ${name}`);
}

async function asSvg(name: string): Promise<string> {
  const [{ layOutCharts }, { svgOf }] = await Promise.all([
    import('./inspect/charts.ts'),
    import('../inspect/svg.ts'),
  ]);
  const layout = (await layOutCharts()).find(({ machine }) => machine === name);
  return layout ? svgOf(layout) : '';
}

async function asMarkdown(name: string): Promise<string> {
  const [{ chartOf }, { mermaidOf }] = await Promise.all([
    import('../inspect/chart.ts'),
    import('../inspect/mermaid.ts'),
  ]);
  const machine = MACHINES.get(name);
  if (!machine) return '';
  const chart = chartOf(machine);
  return `# ${chart.machine}\n\n${chart.description}\n\n\`\`\`mermaid\n${mermaidOf(chart)}\`\`\`\n`;
}
