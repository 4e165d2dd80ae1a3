import { Command } from 'commander';

/** `bro-osquery help [command...]`: the help of a command, or of a command's command, as in `help log verify`. */
export function helpCommand(program: Command): Command {
  return new Command('help')
    .description('show the help of a command')
    .argument('[command...]', 'command and subcommand')
    .action((words: readonly string[], _options: object, self: Command) => {
      let found = program;
      for (const word of words) {
        const next = found.commands.find(
          (command) => command.name() === word || command.aliases().includes(word),
        );
        if (!next) {
          const names = found.commands.map((command) => command.name()).join(', ');
          const where = found === program ? '' : ` in ${found.name()}`;
          self.error(
            names === ''
              ? `error: ${found.name()} has no subcommands: remove ${word}`
              : `error: unknown command ${word}${where}: ${names}`,
          );
        }
        found = next;
      }
      found.outputHelp();
    });
}
