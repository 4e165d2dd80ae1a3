import { once } from 'node:events';
import { Command, Option } from 'commander';
import { formatEndpointAddress } from '../broker/address.ts';
import { TlsSettingsError } from '../broker/tls-connection.ts';
import { ConsoleError } from '../console/session-client.ts';
import { createConsoleConversation } from '../console-page/page-conversation.ts';
import { reasonOf } from '../text/reason.ts';
import {
  addSessionOptions,
  openSession,
  type SessionOptions,
  tlsOf,
  withSession,
} from './console/options.ts';
import { type InspectAddress, loopback } from './inspect/address.ts';
import { inspectAddress, readToken } from './inspect/options.ts';
import { type Io, printLine } from './io.ts';
import { audienceOf } from './query/question.ts';
import { failed } from './usage.ts';
import { VERSION } from './version.ts';

interface ConsoleOptions extends SessionOptions {
  readonly listen: InspectAddress;
  readonly tokenFile?: string;
  readonly allowQueries?: boolean;
}

/** Where the page is served unless --listen says otherwise. */
const ANY_PORT = loopback(0);
/** Bytes of a question with many hosts in it. */
const LONGEST_QUESTION = 1024 * 1024;
/** Pages hold no rows of an extension's. */
const NO_ROWS = { shown: false, how: '' } as const;

/** `bro-osquery console`: what the other commands of a console do, as a page. */
export function consoleCommand(io: Io): Command {
  const command = new Command('console').description(
    'serve a page to look at the hosts of a Zeek that loads osquery/console, and to ask them',
  );
  addSessionOptions(command)
    .optionsGroup('The page:')
    .option('--allow-queries', 'let the page run queries; else hosts can be looked at, and no more')
    .addOption(
      new Option('--listen <address>', 'address of the page: loopback, or a Unix socket')
        .argParser(inspectAddress)
        .default(ANY_PORT, '127.0.0.1 on any free port'),
    )
    .option('--token-file <file>', 'file with the token of the page, instead of a random one');
  return command.action(async (options: ConsoleOptions) => {
    const { zeek: address, listen, tokenFile, allowQueries = false } = options;
    if (!listen.isLocal) {
      command.error(
        'error: the page speaks with your certificate: it is served on loopback or a Unix socket alone',
      );
    }
    // What is wrong with address and certificates is said now, not on the page.
    await withSession(io, command, options, async (_session, zeek) => {
      if (allowQueries && !zeek.queries)
        await printLine(io.err, 'this Zeek lets consoles run no queries (osquery::console::allow_queries)');
    });
    const token = tokenFile === undefined ? io.randomId() : await readToken(tokenFile).catch(fail);
    const name = formatEndpointAddress(address);
    const [{ startInspectServer }, { pageAssets }] = await Promise.all([
      import('../inspect/inspect-server.ts'),
      import('./console/page-assets.ts'),
    ]);
    const server = await startInspectServer({
      ...{ listen: listen.listen, token, version: VERSION, now: io.now, page: pageAssets, rows: NO_ROWS },
      longestMessage: LONGEST_QUESTION,
      conversation: createConsoleConversation({
        ...{ version: VERSION, now: io.now, name, allowQueries, audienceOf },
        open: () => openSession(io, options, tlsOf(options)).catch(tellable),
      }),
    }).catch(fail);
    await printLine(io.out, `${server.address}#token=${encodeURIComponent(token)}`);
    await printLine(
      io.err,
      'Open this address in a browser; Ctrl-C stops it, and what its pages have asked.',
    );
    if (!io.interrupted.aborted) await once(io.interrupted, 'abort');
    await server.close();
  });

  function fail(error: unknown): never {
    return failed(command, `error: ${reasonOf(error)}`, { exitCode: 1 });
  }
}

function tellable(error: unknown): never {
  if (error instanceof ConsoleError || error instanceof TlsSettingsError) throw error;
  throw new Error(`a mistake of this program: ${reasonOf(error)}`);
}
