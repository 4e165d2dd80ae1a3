import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');

/** The program as a process of its own, and what it has said so far on both its outputs. */
export type RunningProgram = ChildProcess & { text: string };

/** Starts `bro-osquery ARGS`. */
export function runProgram(args: readonly string[]): RunningProgram {
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const running = Object.assign(child, { text: '' });
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (running.text += chunk));
  return running;
}

/** The same, killed after the test. */
export function startProgram(t: TestContext, args: readonly string[]): RunningProgram {
  const running = runProgram(args);
  t.after(() => void running.kill('SIGKILL'));
  return running;
}
