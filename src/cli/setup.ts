import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve, win32 } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Command, InvalidArgumentError, Option } from 'commander';
import { parseEndpointAddress } from '../broker/address.ts';
import { type OsqueryLayout, osqueryLayout } from '../osquery/layout.ts';
import { counted } from '../replay/printable.ts';
import { reasonOf } from '../text/reason.ts';
import { formatFindings } from './doctor/finding.ts';
import { examine } from './doctor.ts';
import { type Io, printLine } from './io.ts';
import { checkCertificates, type Pem } from './setup/certificates.ts';
import { changeInWords } from './setup/format.ts';
import { type Change, SetupError } from './setup/host-file.ts';
import { HostFiles } from './setup/host-files-store.ts';
import { planSetup } from './setup/plan.ts';
import { Runs } from './setup/runs-store.ts';
import { aclCommands } from './setup/windows-acl.ts';
import { VERSION } from './version.ts';

interface SetupOptions {
  readonly zeek?: readonly string[];
  readonly ca?: string;
  readonly certificate?: string;
  readonly key?: string;
  readonly requireAuthentication?: boolean;
  readonly flagfile?: string;
  readonly config?: string;
  readonly root: string;
  readonly dryRun?: boolean;
  readonly undo?: boolean;
  readonly yes?: boolean;
  readonly restart?: boolean;
  readonly detailedExitCode?: boolean;
}

/** Of the machine on which it runs. */
export interface SetupMachine {
  readonly platform: string;
  readonly user: { readonly uid: number; readonly gid: number };
  /** The running executable, if the program is one; undefined: it runs from its source. */
  readonly executable: string | undefined;
}

/** Seconds after a restart until everything has to be right. */
const PATIENCE = 30;

const HELP = `
What it changes, each only where it is not so already: osqueryd's flags (--extensions_autoload, --extensions_timeout,
--logger_plugin, --logger_event_type), the line in the list of extensions, the key bro in osquery's configuration,
certificates, and who may write them. It shows the difference first, and keeps a copy of each file; --undo takes the
last run back. It restarts nothing unless --restart asks for it.

Exit codes: 0 done, or nothing was to be done; 1 failed, and nothing is changed; 2 with --detailed-exit-code: something
was changed, or with --dry-run would be. With --restart also 1 if doctor finds a problem half a minute later.`;

/** `bro-osquery setup`: everything that a host needs beside the executable. */
export function setupCommand(io: Io, machine: SetupMachine): Command {
  return new Command('setup')
    .description('write what osqueryd needs to start the extension: flags, configuration, certificates')
    .addOption(
      new Option('--zeek <address...>', 'the Zeeks to connect to, as in the configuration').argParser(zeek),
    )
    .option('--ca <file>', "the authority that signed the Zeeks' certificates, in PEM")
    .option('--certificate <file>', "this host's certificate, in PEM")
    .option('--key <file>', 'the key of that certificate, in PEM')
    .option('--require-authentication', 'refuse a Zeek that does not prove who it is (the default with --ca)')
    .option('--no-require-authentication', 'take any Zeek')
    .option('--flagfile <file>', "osqueryd's flags, if neither its service nor its package says where")
    .option('--config <file>', "osquery's configuration, if neither service, flags nor package say where")
    .option('--root <directory>', 'set up the system below this directory, as for an image', '/')
    .option('--dry-run', 'show what would be changed, and change nothing')
    .option('--undo', 'take the last run back, byte for byte')
    .option('--yes', 'do not ask, where a terminal is there to answer')
    .option('--restart', 'restart osqueryd, and look whether all is right then')
    .option('--detailed-exit-code', 'end with 2 if something was changed, as Ansible and others want to know')
    .addHelpText('after', HELP)
    .action(async (options: SetupOptions, command: Command) => {
      if (options.undo !== true && options.zeek === undefined) {
        command.error(
          'error: name the Zeek to connect to: --zeek ADDRESS, or --undo to take the last run back',
        );
      }
      process.exitCode = await setUp(io, machine, options);
    });
}

/** Commander calls it for each of several words with what it has gathered so far. */
function zeek(text: string, former: readonly string[] = []): readonly string[] {
  try {
    parseEndpointAddress(text);
  } catch (error) {
    throw new InvalidArgumentError(reasonOf(error));
  }
  return [...former, text];
}

async function setUp(io: Io, machine: SetupMachine, options: SetupOptions): Promise<number> {
  const layout = osqueryLayout(machine.platform);
  // On Windows the root is no folder: each path has its drive.
  const root = options.root === '/' ? '/' : resolve(options.root);
  const owner = root === '/' ? { uid: 0, gid: 0 } : machine.user;
  const files = new HostFiles(root, machine.platform);
  const runs = new Runs(files, layout.setup, owner);
  const { changes, notes, flagfile } = options.undo
    ? { changes: runs.backward(), notes: [], flagfile: layout.flagfile }
    : planSetup(
        { layout, read: (path) => files.read(path), owner, hasPermissions: machine.platform !== 'win32' },
        {
          zeeks: options.zeek ?? [],
          certificates: readCertificates(options, io.now()),
          requireAuthentication: options.requireAuthentication,
          flagfile: options.flagfile,
          config: options.config,
          executable: machine.executable === undefined ? undefined : readFileSync(machine.executable),
        },
      );
  for (const change of changes) for (const line of changeInWords(change)) await printLine(io.out, line);
  for (const note of notes) await printLine(io.out, `note: ${note}`);
  if (changes.length === 0 && !options.undo) await printLine(io.out, 'Nothing is to be changed.');
  const changed = options.detailedExitCode && changes.length > 0 ? 2 : 0;
  if (options.dryRun) return changed;
  if (changes.length > 0 && !(await agreed(io, options))) {
    await printLine(io.out, 'Nothing was changed.');
    return 0;
  }
  if (options.undo) await undo(io, runs);
  else if (changes.length > 0) await apply(io, machine, runs, changes);
  if (root !== '/') return changed;
  if (options.restart) await restart(io, layout);
  const isRight = options.undo || (await examined(io, flagfile, options, changes.length > 0));
  if (changes.length > 0 && !options.restart) {
    await printLine(
      io.out,
      `\nNow restart osqueryd, which then does what is new: ${layout.restart.join(' ')}`,
    );
  }
  return isRight || !options.restart ? changed : 1;
}

function readCertificates(options: SetupOptions, now: number) {
  const read = (from: string | undefined): Pem | undefined => {
    if (from === undefined) return undefined;
    try {
      return { from, content: readFileSync(from) };
    } catch (error) {
      throw new SetupError(`can't read ${from}: ${reasonOf(error)}`);
    }
  };
  const [ca, certificate, key] = [read(options.ca), read(options.certificate), read(options.key)];
  const certificates = { ...(ca && { ca }), ...(certificate && { certificate }), ...(key && { key }) };
  checkCertificates(certificates, now);
  return certificates;
}

/** Whoever sits at a terminal has seen the difference and is asked; a program has asked already. */
async function agreed(io: Io, { yes }: SetupOptions): Promise<boolean> {
  const isTerminal = io.out.isTTY === true && 'isTTY' in io.in && io.in.isTTY === true;
  if (yes || !isTerminal) return true;
  const asking = createInterface({ input: io.in, output: io.out });
  try {
    return /^y(es)?$/i.test((await asking.question('Make these changes? [y/N] ')).trim());
  } finally {
    asking.close();
  }
}

async function apply(io: Io, machine: SetupMachine, runs: Runs, changes: readonly Change[]): Promise<void> {
  const run = runs.apply(changes, { at: new Date(io.now()).toISOString(), version: VERSION });
  if (machine.platform === 'win32') {
    const folder = win32.dirname(osqueryLayout('win32').extension);
    const commands = changes.flatMap(({ path, shown }) =>
      aclCommands(path, shown === 'hidden' ? 'secret' : 'file'),
    );
    for (const words of [...aclCommands(folder, 'folder'), ...commands]) {
      await promisify(execFile)('icacls', [...words]);
    }
  }
  await printLine(
    io.out,
    `\n${counted(changes.length, 'file')} changed; copies of what was there are in ${runs.folderOf(run)}, --undo puts them back.`,
  );
}

async function undo(io: Io, runs: Runs): Promise<void> {
  const put = runs.undo();
  const left = runs.count;
  const more = left > 0 ? `; ${counted(left, 'earlier run')} can be undone as well` : '';
  await printLine(io.out, `\n${counted(put.length, 'file')} as before${more}.`);
}

async function restart(io: Io, { restart: [program = '', ...words] }: OsqueryLayout): Promise<void> {
  await printLine(io.out, `\nRestarting osqueryd: ${[program, ...words].join(' ')}`);
  await promisify(execFile)(program, words);
}

/**
 * What doctor says; after a restart once it finds nothing wrong, or after {@link PATIENCE}.
 * @returns whether it finds nothing wrong
 */
async function examined(
  io: Io,
  flagfile: string,
  options: SetupOptions,
  isChanged: boolean,
): Promise<boolean> {
  const deadline = io.now() + (options.restart ? PATIENCE * 1_000 : 0);
  for (;;) {
    const findings = await examine({ flagfile });
    const isRight = findings.every(({ level }) => level !== 'problem');
    if (!isRight && io.now() < deadline) {
      await sleep(1_000);
      continue;
    }
    const until = isChanged && !options.restart ? ', of an osqueryd that has not been restarted' : '';
    await printLine(io.out, `\nbro-osquery doctor${until}:`);
    for (const line of formatFindings(findings)) await printLine(io.out, line);
    return isRight;
  }
}
