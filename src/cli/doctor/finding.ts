import { printable } from '../../replay/printable.ts';

/** One thing that was looked at: all right, a warning (it works, not as well as it could), or a problem. */
export interface Finding {
  readonly level: 'ok' | 'warning' | 'problem';
  readonly what: string;
  /** What to do; empty where nothing is to be done, or it is said already. */
  readonly advice: string;
}

export const ok = (what: string): Finding => ({ level: 'ok', what, advice: '' });
export const warning = (what: string, advice: string): Finding => ({ level: 'warning', what, advice });
export const problem = (what: string, advice: string): Finding => ({ level: 'problem', what, advice });

/** Findings as a person reads them: a line each, and what to do below it. */
export function formatFindings(findings: readonly Finding[]): string[] {
  return findings.flatMap(({ level, what, advice }) => [
    `${level.padEnd(7)}  ${printable(what)}`,
    ...(advice === '' ? [] : [`         → ${printable(advice)}`]),
  ]);
}
