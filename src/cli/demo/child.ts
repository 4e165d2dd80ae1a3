import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Milliseconds that a process has to end after SIGTERM, before SIGKILL. */
const GRACE = 4_000;
/** Lines of a process's log that are kept to explain a failure. */
const KEPT = 15;

/** A process that the demo runs. */
export interface Child {
  readonly name: string;
  readonly pid: number;
  /** Its last lines on standard error, and on standard output where nobody reads that. */
  readonly lastLines: () => readonly string[];
  /** How it ended; undefined while it runs. */
  readonly ending: () => string | undefined;
  /** Asks it to end, and ends it if it doesn't; resolves with its exit code, null if a signal ended it. */
  readonly stop: () => Promise<number | null>;
  /** Ends it at once. */
  readonly kill: () => void;
}

export interface ChildOptions {
  readonly onOutput?: (line: string) => void;
  readonly onError?: (line: string) => void;
  /** Called at any end of it. */
  readonly onEnd?: (child: Child) => void;
}

/** @throws Error if it can't be started */
export async function startChild(
  name: string,
  [command = '', ...args]: readonly string[],
  options: ChildOptions = {},
): Promise<Child> {
  const process = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const messages: string[] = [];
  const hear = (line: string) => {
    messages.push(line);
    if (messages.length > KEPT) messages.shift();
  };
  let ended = false;
  const gone = new Promise<number | null>((resolve) => {
    process.once('close', (code) => {
      ended = true;
      resolve(code);
    });
  });
  lines(process.stdout, options.onOutput ?? hear);
  lines(process.stderr, (line) => {
    hear(line);
    options.onError?.(line);
  });
  const pid = await new Promise<number>((resolve, reject) => {
    process.once('error', (error) => reject(new Error(`${name} can't be started: ${error.message}`)));
    process.once('spawn', () => resolve(process.pid ?? 0));
  });
  const child: Child = {
    name,
    pid,
    lastLines: () => messages,
    ending: () => (ended ? describeEnding(process) : undefined),
    async stop() {
      if (!ended) process.kill('SIGTERM');
      const timer = setTimeout(() => process.kill('SIGKILL'), GRACE);
      const code = await gone;
      clearTimeout(timer);
      return code;
    },
    kill: () => {
      if (!ended) process.kill('SIGKILL');
    },
  };
  void gone.then(() => options.onEnd?.(child));
  return child;
}

function lines(stream: ChildProcess['stdout'], take: (line: string) => void): void {
  if (stream) createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', take);
}

function describeEnding({ exitCode, signalCode }: ChildProcess): string {
  return signalCode === null ? `exit code ${exitCode}` : `signal ${signalCode}`;
}
