import { Command } from 'commander';
import { broCommand } from './bro.ts';
import { addCompletion } from './completion.ts';
import { consoleCommand } from './console.ts';
import { demoCommand } from './demo.ts';
import { demoAttackCommand } from './demo-attack.ts';
import { demoNatsCommand } from './demo-nats.ts';
import { doctorCommand } from './doctor.ts';
import { extensionCommand, type ProcessParts } from './extension.ts';
import { gatewayCommand } from './gateway.ts';
import { generateCommand } from './generate.ts';
import { helpCommand } from './help.ts';
import { hostCommand, hostsCommand, queriesCommand } from './hosts.ts';
import { inspectCommand } from './inspect.ts';
import type { Io } from './io.ts';
import { logCommand } from './log.ts';
import { manualCommand, type Reader } from './manual.ts';
import { queryCommand } from './query.ts';
import { reloadCommand } from './reload.ts';
import { replayCommand } from './replay.ts';
import { reportCommand } from './report.ts';
import { sandboxCommand } from './sandbox.ts';
import { type SetupMachine, setupCommand } from './setup.ts';
import { simulateCommand } from './simulate.ts';
import { statusCommand } from './status.ts';
import { topCommand } from './top.ts';
import { finishUsage } from './usage.ts';
import { VERSION } from './version.ts';

export interface ProgramParts {
  readonly io: Io;
  readonly process: ProcessParts;
  readonly reader: Reader;
  readonly machine: SetupMachine;
  /** Called before a sub-command that runs until the user has had enough. */
  readonly onInterruptible: () => void;
}

/** The whole command line. */
export function createProgram({ io, process, reader, machine, onInterruptible }: ProgramParts): Command {
  const interruptible = (command: Command) => command.hook('preAction', onInterruptible);
  const program = new Command('bro-osquery')
    .description('make this osquery host a live sensor of the network monitor Zeek')
    .version(VERSION)
    .enablePositionalOptions()
    .addCommand(extensionCommand(process))
    .addCommand(interruptible(broCommand(io)))
    .addCommand(interruptible(gatewayCommand(io, (listener) => process.onSignal('SIGHUP', listener))))
    .addCommand(generateCommand(io))
    .addCommand(interruptible(queryCommand(io)))
    .addCommand(interruptible(hostsCommand(io)))
    .addCommand(interruptible(hostCommand(io)))
    .addCommand(interruptible(queriesCommand(io)))
    .addCommand(interruptible(topCommand(io)))
    .addCommand(interruptible(reportCommand(io)))
    .addCommand(interruptible(consoleCommand(io)))
    .addCommand(interruptible(simulateCommand(io)))
    .addCommand(interruptible(demoCommand(io)))
    .addCommand(interruptible(demoNatsCommand(io)))
    .addCommand(interruptible(demoAttackCommand(io)))
    .addCommand(interruptible(statusCommand(io)))
    .addCommand(reloadCommand(io))
    .addCommand(setupCommand(io, machine))
    .addCommand(doctorCommand(io))
    .addCommand(manualCommand(io, reader))
    .addCommand(interruptible(replayCommand(io)))
    .addCommand(interruptible(logCommand(io)))
    .addCommand(interruptible(inspectCommand(io)))
    .addCommand(sandboxCommand({ exit: process.exit }))
    .helpCommand(false);
  program.addCommand(helpCommand(program));
  addCompletion(program);
  finishUsage(program);
  return program;
}
