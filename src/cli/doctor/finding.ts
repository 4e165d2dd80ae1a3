import { counted, printable } from '../../replay/printable.ts';
import { type Painter, plain } from '../colour.ts';

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
export function formatFindings(findings: readonly Finding[], paint: Painter = plain): string[] {
  const lines = findings.flatMap(({ level, what, advice }) => [
    `${paint(MEANINGS[level], level.padEnd(7))}  ${printable(what)}`,
    ...(advice === '' ? [] : [`         → ${printable(advice)}`]),
  ]);
  return [...lines, '', summary(findings, paint)];
}

const MEANINGS = { ok: 'good', warning: 'trouble', problem: 'bad' } as const;

function summary(findings: readonly Finding[], paint: Painter): string {
  const count = (level: Finding['level']) => findings.filter((finding) => finding.level === level).length;
  const problems = count('problem');
  const warnings = count('warning');
  const text = `${counted(problems, 'problem')}, ${counted(warnings, 'warning')}, ${count('ok')} ok`;
  return paint(problems > 0 ? 'bad' : warnings > 0 ? 'trouble' : 'good', text);
}
