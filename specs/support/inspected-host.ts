import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { joinedFlags, socketAppears, spawnStandin } from './standin-process.ts';

const ROOT = join(import.meta.dirname, '../..');

export interface InspectedHost {
  /** The socket of the extension's inspection. */
  readonly look: string;
  readonly stateDirectory: string;
  /** What `--trace` records. */
  readonly trace: string;
  readonly child: ChildProcess;
}

/** A stand-in osqueryd and the extension, which is to reach that Bro and may be looked at. */
export async function startInspectedHost(t: TestContext, endpoint: string): Promise<InspectedHost> {
  const directory = await mkdtemp(join(tmpdir(), 'inspect-'));
  const [socket, config, look] = ['osquery.em', 'osquery.conf', 'look.sock'].map((name) =>
    join(directory, name),
  ) as [string, string, string];
  const [trace, stateDirectory] = [join(directory, 'trace.jsonl'), join(directory, 'state')];
  await writeFile(config, JSON.stringify({ bro: { endpoints: [endpoint], uid: 'h1' } }));
  spawnStandin(t, ['--ephemeral', ...joinedFlags(directory), '--logger_event_type=false']);
  await socketAppears(socket);
  const child = spawn(
    process.execPath,
    [
      ...['--import', 'tsx', join(ROOT, 'src/cli/main.ts'), '--socket', socket, '--timeout', '10'],
      ...['--state-dir', stateDirectory, '--inspect', look, '--trace', trace],
    ],
    { stdio: 'ignore', cwd: ROOT },
  );
  t.after(async () => {
    if (child.exitCode === null && child.kill('SIGKILL')) await once(child, 'exit');
  });
  // Behind those who write into it: hooks run in the order in which they are registered.
  t.after(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
  await socketAppears(look);
  return { look, stateDirectory, trace, child };
}
