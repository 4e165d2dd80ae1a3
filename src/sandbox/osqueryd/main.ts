import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { reasonOf } from '../../text/reason.ts';
import { systemClock } from './clock.ts';
import { FlagError, Flags } from './flags.ts';
import { CATASTROPHIC, Osqueryd } from './osqueryd.ts';
import { VERSION } from './version.ts';

/**
 * Runs the stand-in osqueryd with osqueryd's own flags until a signal or a failure ends it.
 *
 * @returns the exit code
 */
export async function runOsqueryd(argv: readonly string[]): Promise<number> {
  let flags: Flags;
  try {
    flags = Flags.parse(argv, (path) => readFileSync(path, 'utf8'));
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
  process.stderr.write(
    `bro-osquery sandbox: this is a stand-in for osqueryd ${VERSION}, not osquery itself. ` +
      'Its sockets, schedule and logs behave like those of osqueryd; its tables are few and read /proc.\n',
  );
  const osqueryd = newOsqueryd(flags);
  if (!osqueryd) return CATASTROPHIC;
  // As for osqueryd, SIGHUP is no word to read anything again but the end, without order.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => osqueryd.stop());
  await osqueryd.start();
  return await osqueryd.ended;
}

function newOsqueryd(flags: Flags): Osqueryd | undefined {
  try {
    return new Osqueryd({
      clock: systemClock,
      flags,
      pid: process.pid,
      random: Math.random,
      randomUuid: randomUUID,
      hostName: hostname(),
      stderr: (text) => process.stderr.write(text),
      stdout: (text) => process.stdout.write(text),
    });
  } catch (error) {
    const message = reasonOf(error);
    process.stderr.write(`osqueryd initialize failed: Could not initialize database: ${message}\n`);
    return undefined;
  }
}

if (import.meta.main) {
  void runOsqueryd(process.argv.slice(2)).then((code) => process.exit(code));
}
