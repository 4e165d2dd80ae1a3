import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';

/** What a sub-command may use of its environment; specs provide their own. */
export interface Io {
  readonly in: Readable;
  readonly out: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly err: Writable & { readonly isTTY?: boolean };
  /** The environment's variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** A random UUID. */
  readonly randomId: () => string;
  /** Aborts when the user has had enough (Ctrl-C). */
  readonly interrupted: AbortSignal;
}

/** Writes a line, as fast as whoever reads it takes it. */
export async function printLine(to: Writable, line: string): Promise<void> {
  if (to.write(`${line}\n`)) return;
  if (to.destroyed) return;
  await once(to, 'drain').catch(() => undefined);
}
