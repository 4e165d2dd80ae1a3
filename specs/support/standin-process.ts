import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { eventually } from './eventually.ts';

export interface StandinProcess {
  readonly child: ChildProcess;
  /** What it has written to stderr so far. */
  readonly stderr: () => string;
  /** The exit code. */
  readonly ended: Promise<number | null>;
}

const MAIN = join(import.meta.dirname, '../../src/sandbox/osqueryd/main.ts');

/** A stand-in osqueryd as a process of its own; it is gone after the test. */
export function spawnStandin(t: TestContext, flags: readonly string[]): StandinProcess {
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...flags], {
    stdio: ['ignore', 'ignore', 'pipe'],
    cwd: join(import.meta.dirname, '../..'),
  });
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString('utf8');
  });
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return { child, stderr: () => stderr, ended };
}

/**
 * Flags of an osqueryd that the extension is to join, with its socket, configuration and logs in that folder. One log
 * call a row unless `--logger_event_type=false` is added.
 */
export function joinedFlags(directory: string): string[] {
  return [
    `--extensions_socket=${join(directory, 'osquery.em')}`,
    '--config_plugin=filesystem',
    `--config_path=${join(directory, 'osquery.conf')}`,
    '--logger_plugin=bro,filesystem',
    `--logger_path=${directory}`,
    '--extensions_timeout=30',
    '--extensions_require=bro-osquery',
  ];
}

/** Resolves as soon as somebody answers there; the file is there a moment before. */
export async function socketAppears(path: string): Promise<void> {
  await eventually(`${path} exists`, () => existsSync(path));
  let answers = false;
  const knock = () => {
    const socket = createConnection(path, () => {
      answers = true;
      socket.destroy();
    });
    socket.on('error', () => setTimeout(knock, 10));
  };
  knock();
  await eventually(`${path} answers`, () => answers);
}
