import { Command, InvalidArgumentError, Option } from 'commander';
import { actOut } from './demo/attack/story.ts';
import { createDemoOutput } from './demo/demo-output.ts';
import { findOsqueryd, findZeek } from './demo/programs.ts';
import { runDemo } from './demo/run-demo.ts';
import type { Io } from './io.ts';
import { failed } from './usage.ts';

/** Seconds that everything but ordinary work may take. */
const PATIENCE = 420;
/** Seconds of ordinary work before the attack. */
const ORDINARY = 60;

/** `bro-osquery demo-attack`: an attack in a lab of namespaces, and what Zeek's detections make of it. */
export function demoAttackCommand(io: Io): Command {
  const command = new Command('demo-attack')
    .description(
      'act out an attack on two hosts in namespaces of their own, and check every notice of a real Zeek',
    )
    .addOption(
      new Option(
        '--ordinary <seconds>',
        'how long the hosts do ordinary work before, which must raise no notice',
      )
        .argParser(seconds)
        .default(ORDINARY),
    )
    .option('--logs <directory>', "where Zeek's logs are to be kept (default: nowhere)");
  return command.action(async ({ ordinary, logs }: { readonly ordinary: number; readonly logs?: string }) => {
    const output = createDemoOutput(io.out, io.out.isTTY === true && !io.env['NO_COLOR']);
    const zeek = findZeek(io.env);
    if (!zeek)
      failed(
        command,
        'error: the detections run in a Zeek, and there is none on the PATH (set ZEEK to use one)',
        {
          exitCode: 1,
        },
      );
    const story = actOut({ zeek, osqueryd: findOsqueryd(io.env), ordinary, logs });
    const failure = await runDemo(output, story, {
      patience: PATIENCE + ordinary,
      interrupted: io.interrupted,
    });
    if (failure !== undefined) failed(command, `error: the demo failed: ${failure}`, { exitCode: 1 });
  });
}

function seconds(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 30 || value > 3_600)
    throw new InvalidArgumentError('It must be a whole number of seconds from 30 to 3600.');
  return value;
}
