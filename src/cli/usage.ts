import type { Command } from 'commander';
import { printableLines } from '../replay/printable.ts';
import { EXAMPLES } from './examples.ts';

/**
 * Gives all commands of a program what their users expect: examples in each help, and after a mistake on the command
 * line the way to that help. Whatever others say, errors reach the terminal as text alone.
 */
export function finishUsage(program: Command): void {
  for (const command of program.commands) finish(command, program, []);
}

function finish(command: Command, program: Command, above: readonly string[]): void {
  const words = [...above, command.name()];
  command
    .configureOutput({ outputError: (text, write) => write(printableLines(text)) })
    .showHelpAfterError(`See ${[program.name(), ...words].join(' ')} --help.`);
  const examples = EXAMPLES[words.join(' ')];
  if (examples) command.addHelpText('after', formatExamples([program.name(), ...words].join(' '), examples));
  for (const below of command.commands) finish(below, program, words);
}

function formatExamples(command: string, examples: readonly (readonly [string, string])[]): string {
  const lines = examples.map(([args, purpose]) => `  ${`${command} ${args}`.trimEnd()}\n      ${purpose}`);
  return `\nExamples:\n${lines.join('\n')}`;
}

/** Ends a command that was used well and failed all the same: no help would help. */
export function failed(
  command: Command,
  message: string,
  options: { exitCode: number; code?: string },
): never {
  return command.showHelpAfterError(false).error(message, options);
}
