import { inspect } from 'node:util';
import { printableLines } from '../replay/printable.ts';

/**
 * What a command that failed has to say: the message alone where it says what to do (our own errors and the
 * system's), and where it happened as well where it is a mistake of ours.
 */
export function formatFailure(error: unknown): string {
  return printableLines(inFull(error));
}

function inFull(error: unknown): string {
  if (!(error instanceof Error)) return inspect(error);
  const isOurs = !BUILT_IN.has(error.name);
  const isTheSystems = 'syscall' in error;
  return isOurs || isTheSystems ? error.message : inspect(error);
}

const BUILT_IN = new Set([
  'Error',
  'TypeError',
  'RangeError',
  'ReferenceError',
  'SyntaxError',
  'AssertionError',
]);
