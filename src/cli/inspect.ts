import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { Command, Option } from 'commander';
import { MACHINES } from '../../actors/machines.ts';
import type { Conversation } from '../inspect/conversation.ts';
import type { RowAccess } from '../inspect/rows.ts';
import { reasonOf } from '../text/reason.ts';
import { type InspectAddress, loopback, reachableAddresses } from './inspect/address.ts';
import { ALL, exportCharts, whyNotDrawn } from './inspect/export.ts';
import { inspectAddress, readToken } from './inspect/options.ts';
import { type Io, printLine } from './io.ts';
import { LAYOUT } from './layout.ts';
import { failed } from './usage.ts';
import { VERSION } from './version.ts';

interface InspectOptions {
  readonly live?: InspectAddress;
  readonly listen: InspectAddress;
  readonly tokenFile?: string;
  readonly liveTokenFile?: string;
  readonly export?: string;
  readonly machine: string;
  readonly sandbox?: boolean;
  readonly showRows?: boolean;
  readonly stateDir: string;
}

/** Where pages are served unless --listen says otherwise; the sandbox's where one finds it again. */
const ANY_PORT = loopback(0);
const SANDBOX_ADDRESS = loopback(9909);

/** `bro-osquery inspect`: the machines, the bus and the log, to look at. */
export function inspectCommand(io: Io): Command {
  return new Command('inspect')
    .description('show machines, messages, schedule and log in a browser; or draw a statechart')
    .argument('[path]', 'a state directory or a segment of its log (also a copy), or a trace')
    .optionsGroup('What to look at, in place of a path:')
    .addOption(
      new Option('--live <address>', "a running extension's --inspect: host:port, or a Unix socket")
        .argParser(inspectAddress)
        .conflicts('export'),
    )
    .addOption(
      new Option(
        '--sandbox',
        'run osqueryd or its stand-in, a stand-in Zeek and the extension, and show them',
      ).conflicts(['live', 'export']),
    )
    .optionsGroup('The page:')
    .addOption(
      new Option('--listen <address>', 'address of the page; a token is required unless on loopback')
        .argParser(inspectAddress)
        .default(ANY_PORT, '127.0.0.1 on any free port, 9909 with --sandbox'),
    )
    .option('--token-file <file>', 'file with the token of the page, instead of a random one')
    .option('--live-token-file <file>', "the running extension's --inspect-token-file")
    .option('--show-rows', 'show the latest rows of each query, from the journal (hidden by default)')
    .option(
      '--state-dir <directory>',
      "with --live and --show-rows: the running extension's state directory, on this host",
      LAYOUT.state,
    )
    .optionsGroup('A statechart as a file:')
    .addOption(
      new Option(
        '--export <file>',
        'write a statechart to a file: .svg, or .md for Mermaid; with --machine all, into a directory, or a .md',
      ),
    )
    .addOption(
      new Option('--machine <name>', 'the machine to draw')
        .choices([...MACHINES.keys(), ALL])
        .default('bro-peer'),
    )
    .action(async (path: string | undefined, options: InspectOptions, command: Command) => {
      if (path !== undefined && (options.sandbox || options.export !== undefined)) {
        const option = options.sandbox ? '--sandbox' : '--export';
        command.error(`error: ${option} takes no path: remove ${path}`);
      }
      if (options.export !== undefined) {
        const problem = whyNotDrawn(options.export, options.machine);
        if (problem !== null) command.error(`error: ${problem}`);
        return exportCharts(io, options.export, options.machine);
      }
      if (options.sandbox) {
        const isChosen = command.getOptionValueSource('listen') !== 'default';
        return serveSandbox(io, isChosen ? options : { ...options, listen: SANDBOX_ADDRESS });
      }
      const { live, showRows = false } = options;
      if ((path === undefined) === (live === undefined)) {
        command.error('error: name a state directory or a trace, or a running extension with --live');
      }
      try {
        await serve(
          io,
          options,
          await (live ? liveServed(io, live, options) : fileServed(io, path ?? '', showRows)),
        );
      } catch (error) {
        failed(command, `error: cannot show ${path ?? 'that'}: ${reasonOf(error)}`, { exitCode: 1 });
      }
    });
}

/** What is served: whom pages talk with, and whether they may see rows. */
interface Served {
  readonly conversation: Conversation;
  readonly rows: RowAccess;
}

/** Serves until the user has had enough. */
async function serve(io: Io, options: InspectOptions, { conversation, rows }: Served): Promise<void> {
  const { startInspectServer } = await import('../inspect/inspect-server.ts');
  const { pageAssets } = await import('./inspect/page-assets.ts');
  const token = await tokenFor(io, options);
  const server = await startInspectServer({
    listen: options.listen.listen,
    token,
    version: VERSION,
    now: io.now,
    page: pageAssets,
    conversation,
    rows,
  });
  const fragment = token === null ? '' : `#token=${encodeURIComponent(token)}`;
  for (const address of reachableAddresses(server.address, networkInterfaces())) {
    await printLine(io.out, `${address}${fragment}`);
  }
  await printLine(io.err, 'Open this address in a browser; Ctrl-C stops it.');
  if (!io.interrupted.aborted) await once(io.interrupted, 'abort');
  await server.close();
}

async function fileServed(io: Io, path: string, showRows: boolean): Promise<Served> {
  const [{ createConversation }, { fileSource }, { assertReadable, hiddenRows, rowsOf }] = await Promise.all([
    import('../inspect/conversation.ts'),
    import('./inspect/sources.ts'),
    import('./inspect/rows.ts'),
  ]);
  if (showRows) await assertReadable(path);
  return {
    conversation: createConversation(await fileSource(path), { version: VERSION, now: io.now }),
    rows: showRows ? rowsOf(path) : await hiddenRows(path),
  };
}

/** A running extension: its machines and messages out of its own mouth, rows out of its state directory. */
async function liveServed(
  io: Io,
  { socketUrl }: InspectAddress,
  { liveTokenFile, showRows, stateDir }: InspectOptions,
): Promise<Served> {
  const [{ problemOf, relayTo }, { assertReadable, HIDDEN_LIVE, rowsOf }] = await Promise.all([
    import('./inspect/relay.ts'),
    import('./inspect/rows.ts'),
  ]);
  if (showRows) await assertReadable(stateDir);
  const problem = await problemOf(socketUrl);
  if (problem !== null) await printLine(io.err, problem);
  const token = liveTokenFile === undefined ? '' : await readToken(liveTokenFile);
  return {
    conversation: relayTo(socketUrl, token, (text) => void printLine(io.err, text)),
    rows: showRows ? rowsOf(stateDir) : HIDDEN_LIVE,
  };
}

async function serveSandbox(io: Io, options: InspectOptions): Promise<void> {
  const [{ runSandbox }, { relayTo }, { HIDDEN_SANDBOX, rowsOf }] = await Promise.all([
    import('./inspect/sandbox.ts'),
    import('./inspect/relay.ts'),
    import('./inspect/rows.ts'),
  ]);
  await runSandbox(io, ({ look, stateDirectory }) =>
    serve(io, options, {
      conversation: relayTo(look.socketUrl, ''),
      rows: options.showRows ? rowsOf(stateDirectory) : HIDDEN_SANDBOX,
    }),
  );
}

async function tokenFor(io: Io, { listen, tokenFile }: InspectOptions): Promise<string | null> {
  if (tokenFile !== undefined) return readToken(tokenFile);
  return listen.isLocal ? null : io.randomId();
}
