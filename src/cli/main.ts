#!/usr/bin/env node
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { isSea } from 'node:sea';
import { formatFailure } from './failure.ts';
import type { Io } from './io.ts';
import type { Reader } from './manual.ts';
import { createProgram } from './program.ts';

const interrupt = new AbortController();
const io: Io = {
  in: process.stdin,
  out: process.stdout,
  err: process.stderr,
  env: process.env,
  now: Date.now,
  randomId: randomUUID,
  interrupted: interrupt.signal,
};

function onSignal(name: 'SIGINT' | 'SIGTERM' | 'SIGHUP', listener: () => void): void {
  process.on(name, listener);
}

/** A process whose parent ends gets another parent, on Windows none, and is not told: one has to look. */
function onOrphaned(listener: () => void): void {
  const parent = process.ppid;
  const look = setInterval(() => {
    if (process.ppid === parent && (process.platform !== 'win32' || isAlive(parent))) return;
    clearInterval(look);
    listener();
  }, 1_000);
  look.unref();
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** In lists of processes, osquery's own among them, we are ourselves and not `node-MainThread`; the arguments stay. */
function nameProcess(name: string): void {
  try {
    writeFileSync('/proc/self/comm', name);
  } catch {
    // Only Linux has it, and there is no harm in the other name.
  }
}

/** `less` shows colours with -R, and leaves at once what fits on one screen with -F. */
function reader(): Reader {
  const { PAGER, NO_COLOR } = process.env;
  return {
    columns: process.stdout.columns,
    pager: PAGER ?? (process.platform === 'win32' ? 'more' : 'less -FRX'),
    colours: process.stdout.isTTY === true && !NO_COLOR,
  };
}

nameProcess('bro-osquery');
// A limit on the size of files is to fail the write, not to end the process.
process.on('SIGXFSZ', () => {});

const program = createProgram({
  io,
  process: {
    runtime: { now: Date.now, random: Math.random, uuid: randomUUID },
    autoloaded: process.env['OSQUERY_EXTENSION'] !== undefined,
    onSignal,
    onOrphaned,
    exit: (code) => process.exit(code),
  },
  reader: reader(),
  machine: {
    platform: process.platform,
    user: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
    executable: isSea() ? process.execPath : undefined,
  },
  onInterruptible() {
    onSignal('SIGINT', () => interrupt.abort());
    onSignal('SIGTERM', () => interrupt.abort());
  },
});

/** osqueryd's autoloader knows of no sub-commands: with `--socket` among leading options, we are the extension. */
const words = process.argv.slice(2);
const isAutoloaded = words[0]?.startsWith('-') === true && words.some((word) => /^--socket(=|$)/.test(word));
// No top-level await: the binary holds the program as CommonJS, which has none.
void program
  .parseAsync(isAutoloaded ? ['extension', ...words] : words, { from: 'user' })
  .catch((error: unknown) => {
    process.stderr.write(`error: ${formatFailure(error)}\n`);
    process.exitCode = 1;
  });
