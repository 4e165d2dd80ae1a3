/**
 * Which statements may be answered row by row at the moment of an event. What such a statement gives for the
 * rows of a run is the sum of what it gives for each row alone: it filters and computes, and nothing else.
 */

import { isName, isSign, isWord, type SqlToken, sqlTokens } from '../text/sql-tokens.ts';

/** The event table that the statement reads, or why it has to wait for the schedule. */
export type EventQueryForm = { readonly table: string } | { readonly reason: string };

/** Words that make a row of the result depend on more than one row, or on another table. */
const SPANNING =
  'distinct except group having intersect join limit natural offset over union values window with'.split(' ');

/** Reads the statement's words; whether it is right is for SQLite to say, aggregates are as well. */
export function eventQueryForm(sql: string): EventQueryForm {
  const tokens = sqlTokens(sql) ?? [];
  while (isSign(tokens.at(-1), ';')) tokens.pop();
  if (!isWord(tokens[0], 'select')) return { reason: 'it is not a SELECT' };
  const spanning = tokens.find((token) => isWord(token, ...SPANNING));
  if (spanning) return { reason: `it has ${spanning.text.toUpperCase()}` };
  if (tokens.filter((token) => isWord(token, 'select')).length > 1) return { reason: 'it has a subquery' };
  if (tokens.some((token) => isSign(token, ';'))) return { reason: 'it is more than one statement' };
  const from = tokens.findIndex((token) => isWord(token, 'from'));
  if (from < 0) return { reason: 'it reads no table' };
  return source(tokens.slice(from + 1));
}

/** One table after FROM, with its schema and an alias where it has them, and no other. */
function source(tokens: readonly SqlToken[]): EventQueryForm {
  const rest = [...tokens];
  let table = takeName(rest);
  if (isSign(rest[0], '.')) {
    rest.shift();
    table = takeName(rest);
  }
  if (table === undefined) return { reason: 'it does not read a plain table' };
  const as = isWord(rest[0], 'as');
  if (as) rest.shift();
  if (as || !endsSource(rest[0])) takeName(rest);
  if (!endsSource(rest[0])) return { reason: 'it reads more than one table' };
  return { table: table.toLowerCase() };
}

function takeName(tokens: SqlToken[]): string | undefined {
  return isName(tokens[0]) ? tokens.shift()?.text : undefined;
}

function endsSource(token: SqlToken | undefined): boolean {
  return token === undefined || isWord(token, 'where', 'order');
}
