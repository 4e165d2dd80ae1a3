import { shortened } from '../text/shortened.ts';
import { sqlTokens } from '../text/sql-tokens.ts';
import type { RepeatedQuery } from '../vocabulary/model.ts';
import type { Refusal } from './refusal.ts';

/** A number as SQL writes it, and as a text may hold one that a CAST reads. */
const DECIMAL = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*$/;

/**
 * Whether a differential query names a constant that is too large for a double. osqueryd keeps the rows of such a
 * query as JSON, which has no infinity, and ends with exit code 78 when a row has one (seen with 5.23.1). Snapshots
 * are not kept. An infinity that only comes of the rows can't be seen here: see `decide-osqueryd-ended.ts`.
 */
export function overflowRefusal({ sql, updateType }: RepeatedQuery): Refusal | null {
  if (updateType === 'SNAPSHOT') return null;
  const constant = (sqlTokens(sql) ?? []).find(
    ({ kind, text }) =>
      (kind === 'number' || kind === 'string') && DECIMAL.test(text) && !Number.isFinite(Number(text)),
  );
  if (!constant) return null;
  return {
    code: 'constant-overflows',
    text:
      `${shortened(constant.text.trim(), 40)} is too large for a double, which makes it infinity; osqueryd exits ` +
      'when a differential query has such a value: take at most 1.7e308, or ask for SNAPSHOT',
  };
}
