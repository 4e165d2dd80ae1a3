import type { Notice } from './words.ts';

const SHOWN = 200;

/** A notice as text for vocabularies whose events carry nothing else: it names the query that it is about. */
export function noticeText({ text, query }: Notice): string {
  if (!query) return text;
  const sql = query.sql.length > SHOWN ? `${query.sql.slice(0, SHOWN)}…` : query.sql;
  return `${text} (query for ${query.event}: ${sql})`;
}
