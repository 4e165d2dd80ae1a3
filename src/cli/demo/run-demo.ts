import { reasonOf } from '../../text/reason.ts';
import type { Child } from './child.ts';
import type { DemoOutput } from './demo-output.ts';
import { DemoProcesses } from './demo-processes.ts';

/** What a demo plays with. */
export interface DemoContext {
  readonly output: DemoOutput;
  readonly processes: DemoProcesses;
  /** Aborts with the reason why it can't go on. */
  readonly signal: AbortSignal;
  /** The process is about to end, as it should. */
  readonly mayEnd: (child: Child) => void;
}

export interface DemoOptions {
  /** Seconds that the whole demo may take. */
  readonly patience: number;
  /** Aborts when the user has had enough. */
  readonly interrupted: AbortSignal;
}

/**
 * Runs a demo, and ends its processes whatever happens. Where it fails the output shows why, and the last lines of each process.
 * @returns why it failed
 */
export async function runDemo(
  output: DemoOutput,
  script: (context: DemoContext) => Promise<void>,
  { patience, interrupted }: DemoOptions,
): Promise<string | undefined> {
  const stop = new AbortController();
  const leaving = new Set<Child>();
  const processes = new DemoProcesses((child) => {
    // Until they are asked to, only a process that is to be seen going may end.
    if (!leaving.has(child))
      stop.abort(new Error(`${child.name} exited unexpectedly with ${child.ending()}`));
  });
  const late = new Error(`the demo did not finish within ${patience} s`);
  const timer = setTimeout(() => stop.abort(late), patience * 1_000);
  const onInterrupt = () => stop.abort(new Error('interrupted'));
  interrupted.addEventListener('abort', onInterrupt);
  try {
    await script({ output, processes, signal: stop.signal, mayEnd: (child) => leaving.add(child) });
    return undefined;
  } catch (error) {
    const reason = reasonOf(error);
    output.failure(`Failed: ${reason}`);
    for (const child of processes.children) {
      output.line(`Last output of ${child.name} (${child.ending() ?? 'running'}):`);
      for (const line of child.lastLines()) output.detail(line);
    }
    return reason;
  } finally {
    clearTimeout(timer);
    interrupted.removeEventListener('abort', onInterrupt);
    for (const child of processes.children) leaving.add(child);
    await processes.stopAll();
  }
}
