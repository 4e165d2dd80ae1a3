import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { createManagerClient } from '../osquery/manager-client.ts';
import { printableJson } from '../replay/printable.ts';
import { reasonOf } from '../text/reason.ts';
import { painterFor } from './colour.ts';
import { lookAtConfiguration } from './doctor/configuration.ts';
import { lookAtEvidence } from './doctor/evidence.ts';
import { type Finding, formatFindings, problem, warning } from './doctor/finding.ts';
import { type Flags, flagOf, flagsOfFile } from './doctor/flags.ts';
import { examineGateway } from './doctor/gateway.ts';
import { lookAtInstallation } from './doctor/installation.ts';
import { lookAtOsqueryd } from './doctor/osqueryd.ts';
import { lookAtService } from './doctor/service.ts';
import { traceRow } from './doctor/trace-row-client.ts';
import { defaultSettings } from './extension/extension-context.ts';
import { statusSocket } from './extension/observation/status-report.ts';
import { type Io, printLine } from './io.ts';
import { LAYOUT } from './layout.ts';
import { fetchStatus } from './status/status-client.ts';

export interface DoctorOptions {
  readonly flagfile: string;
  readonly socket?: string;
  readonly stateDir?: string;
  readonly gateway?: boolean;
  readonly config?: string;
  readonly json?: boolean;
  readonly traceRow?: boolean;
}

/** Milliseconds that osqueryd may take for an answer. */
const PATIENCE = 5_000;

/** `bro-osquery doctor`: looks at all that has to be right for a host to work, and says what to do where it is not. */
export function doctorCommand(io: Io): Command {
  return new Command('doctor')
    .description('check the installation and configuration of this host, and say how to fix problems')
    .option('--flagfile <file>', "osqueryd's flagfile, needed if osqueryd is not running", LAYOUT.flagfile)
    .option('--socket <path>', "osqueryd's --extensions_socket, if its flagfile does not name it")
    .option(
      '--state-dir <directory>',
      "the extension's state directory, if the configuration does not name it",
    )
    .option('--gateway', 'check the gateway of this machine in place of the host')
    .option('--config <file>', "the gateway's configuration file")
    .addOption(
      new Option(
        '--trace-row',
        'send a test row to each connected Zeek, and say how far it comes: osqueryd, journal, link, Zeek',
      ).conflicts('gateway'),
    )
    .option('--json', 'print one JSON array')
    .addHelpText('after', '\nExit codes: 0 no problem (there may be warnings); 1 a problem.')
    .action(async (options: DoctorOptions) => {
      const findings = options.gateway
        ? await examineGateway(options.config, options.stateDir)
        : await examine(options);
      const lines = options.json
        ? [printableJson(JSON.stringify(findings))]
        : formatFindings(findings, painterFor(io.out, io.env));
      for (const line of lines) await printLine(io.out, line);
      if (findings.some(({ level }) => level === 'problem')) process.exitCode = 1;
    });
}

/** Everything that there is to be said about this host. */
export async function examine(options: DoctorOptions): Promise<Finding[]> {
  const file = readFlagfile(options.flagfile);
  const socket = options.socket ?? flagOf(file.flags, 'extensions_socket');
  const client = createManagerClient({ path: socket, deadline: PATIENCE });
  try {
    const osqueryd = await lookAtOsqueryd(client, socket);
    const flags = osqueryd.flags ?? file.flags;
    const configuration = await lookAtConfiguration(flags, osqueryd.flags && client);
    const directory = options.stateDir ?? (configuration.settings?.stateDirectory || LAYOUT.state);
    return [
      ...osqueryd.findings,
      ...(osqueryd.flags ? [] : file.findings),
      ...lookAtInstallation(flags, configuration.settings ?? defaultSettings()),
      ...configuration.findings,
      ...lookAtEvidence(flags),
      ...(await lookAtExtension(directory)),
      ...(options.traceRow ? await traceOfRow(directory) : []),
    ];
  } finally {
    client.close();
  }
}

function readFlagfile(path: string): { readonly flags: Flags; readonly findings: readonly Finding[] } {
  try {
    return { flags: flagsOfFile(readFileSync(path, 'utf8')), findings: [] };
  } catch (error) {
    const advice = "give osqueryd's flagfile (--flagfile); its defaults are assumed below";
    return {
      flags: flagsOfFile(''),
      findings: [warning(`can't read osqueryd's flags: ${reasonOf(error)}`, advice)],
    };
  }
}

/** Where no extension runs that is said already. */
async function traceOfRow(directory: string): Promise<Finding[]> {
  try {
    return await traceRow(directory);
  } catch (error) {
    const what = `no test row could be sent: ${reasonOf(error)}`;
    return [problem(what, 'the extension has to run, in a version that knows --trace-row')];
  }
}

async function lookAtExtension(directory: string): Promise<Finding[]> {
  try {
    return lookAtService(await fetchStatus(statusSocket(directory)));
  } catch (error) {
    return [
      problem(
        `no extension is running with the state directory ${directory}: ${reasonOf(error)}`,
        'see its log for the reason, and `bro-osquery status` for what it left; check that this is its state directory',
      ),
    ];
  }
}
