import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Command, CommanderError } from 'commander';
import { helpCommand } from '../../src/cli/help.ts';

/** What `program help WORDS` prints; of errors the text alone. */
function help(...words: readonly string[]): string {
  let text = '';
  const output = {
    writeOut: (words: string) => {
      text += words;
    },
    writeErr: (words: string) => {
      text += words;
    },
  };
  const program = new Command('program').helpCommand(false).configureOutput(output);
  program.command('log').description('look after a log').command('verify').description('read every byte');
  program.command('status');
  program.addCommand(helpCommand(program));
  for (const command of [...program.commands, ...(program.commands[0]?.commands ?? [])]) {
    command.configureOutput(output).exitOverride();
  }
  try {
    program.parse(['help', ...words], { from: 'user' });
  } catch (error) {
    assert.ok(error instanceof CommanderError);
  }
  return text;
}

describe('help', () => {
  test('is that of the program, of a command, and of a command of it', () => {
    assert.match(help(), /^Usage: program /);
    assert.match(help('log'), /^Usage: program log [\s\S]*look after a log/);
    assert.match(help('log', 'verify'), /^Usage: program log verify [\s\S]*read every byte/);
  });

  test('an unknown command is refused with the list of commands', () => {
    assert.equal(help('nosuch'), 'error: unknown command nosuch: log, status, help\n');
    assert.equal(help('log', 'nosuch'), 'error: unknown command nosuch in log: verify\n');
    assert.equal(help('status', 'x'), 'error: status has no subcommands: remove x\n');
  });
});
