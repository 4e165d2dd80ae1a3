import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Command, CommanderError } from 'commander';
import { EXAMPLES } from '../../src/cli/examples.ts';
import { createProgram } from '../../src/cli/program.ts';
import { failed } from '../../src/cli/usage.ts';
import { surroundings } from '../support/cli-io.ts';

/** The whole command line, of which no command does anything; `said` is what reaches the terminal. */
function program(): { program: Command; said: () => string } {
  let said = '';
  const unused = () => assert.fail('nothing is to run');
  const created = createProgram({
    io: surroundings().io,
    process: {
      runtime: { now: () => 0, random: () => 0, uuid: () => '' },
      autoloaded: false,
      onSignal: unused,
      onOrphaned: unused,
      exit: unused,
    },
    reader: { columns: undefined, pager: '', colours: false },
    machine: { platform: 'linux', user: { uid: 0, gid: 0 }, executable: undefined },
    onInterruptible: () => {},
  });
  const take = (text: string) => {
    said += text;
  };
  for (const [, command] of commandsOf(created)) {
    command.configureOutput({ writeOut: take, writeErr: take }).exitOverride();
  }
  return { program: created, said: () => said };
}

/** All commands below, by their words. */
function commandsOf(command: Command, above: readonly string[] = []): [string, Command][] {
  return command.commands.flatMap((below): [string, Command][] => {
    const words = [...above, below.name()];
    return [[words.join(' '), below], ...commandsOf(below, words)];
  });
}

/** A shell's words, as far as examples go. */
function shellWords(text: string): string[] {
  return [...text.replace(/ > .*$/, '').matchAll(/'([^']*)'|(\S+)/g)].map(
    ([, quoted, plain]) => quoted ?? plain ?? '',
  );
}

/** Not for people (`complete`, `sandbox`), or explained by itself (`help`). */
const WITHOUT = /^(complete|sandbox.*|help|.* help|log)$/;

describe('Usage', () => {
  test('of each command has examples', () => {
    const names = commandsOf(program().program).map(([name]) => name);
    assert.deepEqual(
      names.filter((name) => !WITHOUT.test(name) && !EXAMPLES[name]?.length),
      [],
    );
  });

  for (const [name, examples] of Object.entries(EXAMPLES)) {
    for (const [args] of examples) {
      test(`can be as in the example ${name} ${args}`, async (t) => {
        // Examples leave out what is the same for all: it is in the environment.
        process.env['BRO_OSQUERY_ZEEK'] = 'ws://127.0.0.1:27760';
        t.after(() => delete process.env['BRO_OSQUERY_ZEEK']);
        const { program: all, said } = program();
        const command = new Map(commandsOf(all)).get(name);
        assert.ok(command);
        let ran = false;
        command.action(() => {
          ran = true;
        });
        await all.parseAsync([...name.split(' '), ...shellWords(args)], { from: 'user' });
        assert.ok(ran, said());
      });
    }
  }

  test('is shown with examples, and named after a mistake', async () => {
    const { program: all, said } = program();
    await assert.rejects(
      all.parseAsync(['help', 'log', 'verify', '--nosuch'], { from: 'user' }),
      CommanderError,
    );
    await assert.rejects(all.parseAsync(['log', 'verify'], { from: 'user' }), CommanderError);
    assert.match(said(), /missing required argument 'path'\nSee bro-osquery log verify --help\.\n$/);
    await all.parseAsync(['help', 'log', 'verify'], { from: 'user' });
    assert.match(
      said(),
      /Examples:\n {2}bro-osquery log verify \/var\/osquery\/bro-osquery\n {6}read every byte/,
    );
  });

  test('is not what helps where a command was used well and failed', () => {
    const { program: all, said } = program();
    const [command] = all.commands;
    assert.ok(command);
    assert.throws(() => failed(command, 'error: the disk is gone', { exitCode: 7 }), { exitCode: 7 });
    assert.equal(said(), 'error: the disk is gone\n');
  });

  test('is known to shells, which ask for it word by word', async (t) => {
    const lines: string[] = [];
    t.mock.method(console, 'log', (line: string) => void lines.push(line));
    await program().program.parseAsync(['complete', '--', 'log', 'ver'], { from: 'user' });
    assert.deepEqual(lines, ['verify\tcheck every byte of an event log for damage; changes nothing', ':4']);
    for (const shell of ['bash', 'zsh', 'fish']) {
      lines.length = 0;
      await program().program.parseAsync(['completion', shell], { from: 'user' });
      assert.match(lines.join('\n'), /bro-osquery complete -- /);
    }
  });
});
