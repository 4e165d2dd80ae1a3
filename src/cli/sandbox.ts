import { Command } from 'commander';

/** What the sandbox's programs need of the process. */
export interface SandboxProcess {
  readonly exit: (code: number) => void;
}

/** `bro-osquery sandbox osqueryd FLAGS`: a stand-in osqueryd, with osqueryd's own flags. */
export function sandboxCommand({ exit }: SandboxProcess): Command {
  const osqueryd = new Command('osqueryd')
    .description('a stand-in for osqueryd: its sockets, schedule and logs, with a few tables of this host')
    .argument('[flags...]', 'flags as osqueryd takes them, such as --extensions_socket=PATH')
    .allowUnknownOption()
    .passThroughOptions()
    .helpOption(false)
    .action(async (flags: string[]) => {
      const { runOsqueryd } = await import('../sandbox/osqueryd/main.ts');
      exit(await runOsqueryd(flags));
    });
  return new Command('sandbox')
    .description('stand-ins to try bro-osquery without the real programs')
    .enablePositionalOptions()
    .addCommand(osqueryd);
}
