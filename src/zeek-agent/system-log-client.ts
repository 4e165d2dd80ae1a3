import { execFile, spawn } from 'node:child_process';
import { decodeText } from '../text/byte-text.ts';
import type { SourceRow } from './filled.ts';

/**
 * The system's log of a Linux with systemd, read by its own program `journalctl`, as Zeek Agent does. What came since the
 * last time is read from where that ended, also over a restart of ours.
 */

export interface SystemLogRows {
  readonly rows: readonly SourceRow[];
  /** Where the next reading begins; empty: at the journal's start. */
  readonly cursor: string;
}

export interface SystemLogLimits {
  /** Entries of one reading; what is beyond is for the next. */
  readonly entries: number;
  readonly bytes: number;
  /** Milliseconds. */
  readonly time: number;
}

export const SYSTEM_LOG_LIMITS: SystemLogLimits = { entries: 10_000, bytes: 16 * 1024 * 1024, time: 10_000 };

export interface SystemLogOptions {
  /** The program, and words before ours: `['journalctl']`. */
  readonly command: readonly [string, ...string[]];
  readonly limits?: SystemLogLimits;
}

const OUTPUT = [
  '--no-pager',
  '--quiet',
  '--output=json',
  '--all',
  '--output-fields=MESSAGE,PRIORITY,_COMM,_EXE,SYSLOG_IDENTIFIER',
];

/** Whether there is a journal to read. */
export function hasSystemLog({ command }: SystemLogOptions): Promise<boolean> {
  const [program, ...words] = command;
  return new Promise((resolve) => {
    execFile(
      program,
      [...words, '--no-pager', '--quiet', '--lines=1', '--output=json'],
      { timeout: 5_000 },
      (error) => resolve(error === null),
    );
  });
}

/**
 * The entries since the cursor; without one none: where the journal ends now is where the next reading begins.
 * Rejects where the program can't be run or says that it can't read.
 */
export async function readSystemLog(
  cursor: string | null,
  options: SystemLogOptions,
): Promise<SystemLogRows> {
  const { limits = SYSTEM_LOG_LIMITS } = options;
  if (cursor === null) {
    const { entries } = await journal(['--lines=1'], options, limits);
    return { rows: [], cursor: entries.at(-1)?.cursor ?? '' };
  }
  const { entries } = await journal(cursor === '' ? [] : [`--after-cursor=${cursor}`], options, limits);
  return { rows: entries.map(({ row }) => row), cursor: entries.at(-1)?.cursor ?? cursor };
}

interface Entry {
  readonly row: SourceRow;
  readonly cursor: string;
}

function journal(
  words: readonly string[],
  { command }: SystemLogOptions,
  limits: SystemLogLimits,
): Promise<{ readonly entries: readonly Entry[] }> {
  const [program, ...before] = command;
  const child = spawn(program, [...before, ...OUTPUT, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  const { promise, resolve, reject } = Promise.withResolvers<{ readonly entries: readonly Entry[] }>();
  const entries: Entry[] = [];
  let rest: Buffer = Buffer.alloc(0);
  let bytes = 0;
  let problem = '';
  let isCut = false;
  const cut = () => {
    isCut = true;
    child.kill('SIGKILL');
  };
  const timer = setTimeout(cut, limits.time);
  child.stderr.on('data', (chunk: Buffer) => {
    problem = `${problem}${chunk.toString('utf8')}`.slice(0, 500);
  });
  child.stdout.on('data', (chunk: Buffer) => {
    if (isCut) return;
    bytes += chunk.length;
    rest = Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
      const entry = entryOf(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
      if (entry) entries.push(entry);
      if (entries.length >= limits.entries || bytes >= limits.bytes) {
        cut();
        return;
      }
    }
    // An entry beyond all bounds is never whole; what comes before it is.
    if (bytes >= limits.bytes) cut();
  });
  child.on('error', reject);
  child.on('close', (code) => {
    clearTimeout(timer);
    if (code === 0 || isCut) resolve({ entries });
    else reject(new Error(`${program} ended with code ${code}: ${problem.trim()}`));
  });
  return promise.finally(() => clearTimeout(timer));
}

/** An entry as `journalctl --output=json` writes it; a field that is no text is a list of bytes. */
function entryOf(line: Uint8Array): Entry | undefined {
  let fields: Readonly<Record<string, unknown>>;
  try {
    fields = JSON.parse(Buffer.from(line).toString('utf8'));
  } catch {
    return undefined;
  }
  const text = (name: string): string | null => {
    const value = fields[name];
    // A field that is there more than once is a list of what it has.
    const one: unknown = Array.isArray(value) && typeof value[0] !== 'number' ? value[0] : value;
    if (Array.isArray(one)) return decodeText(Uint8Array.from(one, Number));
    return typeof one === 'string' ? one : null;
  };
  const cursor = text('__CURSOR');
  const time = text('__REALTIME_TIMESTAMP');
  if (cursor === null || time === null || !/^\d{1,19}$/.test(time)) return undefined;
  const process = text('_COMM') ?? text('_EXE') ?? text('SYSLOG_IDENTIFIER');
  return { row: [time, process, text('PRIORITY'), text('MESSAGE'), null], cursor };
}
