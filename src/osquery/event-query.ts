/**
 * Which statements may be answered row by row at the moment of an event. What such a statement gives for the
 * rows of a run is the sum of what it gives for each row alone: it filters and computes, and nothing else.
 */

/** The event table that the statement reads, or why it has to wait for the schedule. */
export type EventQueryForm = { readonly table: string } | { readonly reason: string };

type Token =
  | { readonly kind: 'word'; readonly text: string }
  | { readonly kind: 'name'; readonly text: string }
  | { readonly kind: 'other'; readonly text: string };

/** Words that make a row of the result depend on more than one row, or on another table. */
const SPANNING = new Set(
  'distinct except group having intersect join limit natural offset over union values window with'.split(' '),
);

const TOKEN =
  /\s+|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|(?<string>'(?:[^']|'')*')|"(?<quoted>(?:[^"]|"")*)"|\[(?<bracketed>[^\]]*)\]|`(?<ticked>(?:[^`]|``)*)`|(?<word>[A-Za-z_\u0080-\uffff$][\w\u0080-\uffff$]*)|(?<other>[\s\S])/gu;

/** Reads the statement's words; whether it is right is for SQLite to say, aggregates are as well. */
export function eventQueryForm(sql: string): EventQueryForm {
  const tokens = tokenize(sql);
  while (isPunctuation(tokens.at(-1), ';')) tokens.pop();
  if (!isWord(tokens[0], 'select')) return { reason: 'it is no SELECT' };
  const spanning = tokens.find((token) => token.kind === 'word' && SPANNING.has(token.text));
  if (spanning) return { reason: `it has ${spanning.text.toUpperCase()}` };
  if (tokens.filter((token) => isWord(token, 'select')).length > 1) return { reason: 'it has a subquery' };
  if (tokens.some((token) => isPunctuation(token, ';'))) return { reason: 'it is more than one statement' };
  const from = tokens.findIndex((token) => isWord(token, 'from'));
  if (from < 0) return { reason: 'it reads no table' };
  return source(tokens.slice(from + 1));
}

/** One table after FROM, with its schema and an alias where it has them, and no other. */
function source(tokens: readonly Token[]): EventQueryForm {
  const rest = [...tokens];
  let table = takeName(rest);
  if (isPunctuation(rest[0], '.')) {
    rest.shift();
    table = takeName(rest);
  }
  if (table === undefined) return { reason: 'it reads no plain table' };
  const as = isWord(rest[0], 'as');
  if (as) rest.shift();
  if (as || !endsSource(rest[0])) takeName(rest);
  if (!endsSource(rest[0])) return { reason: 'it reads more than one table' };
  return { table: table.toLowerCase() };
}

function takeName(tokens: Token[]): string | undefined {
  return tokens[0] && tokens[0].kind !== 'other' ? tokens.shift()?.text : undefined;
}

function endsSource(token: Token | undefined): boolean {
  return token === undefined || isWord(token, 'where') || isWord(token, 'order');
}

function isWord(token: Token | undefined, text: string): boolean {
  return token?.kind === 'word' && token.text === text;
}

function isPunctuation(token: Token | undefined, text: string): boolean {
  return token?.kind === 'other' && token.text === text;
}

function tokenize(sql: string): Token[] {
  return [...sql.matchAll(TOKEN)].flatMap(({ groups = {} }): Token[] => {
    const { quoted, bracketed, ticked, word, other, string } = groups;
    if (word !== undefined) return [{ kind: 'word', text: word.toLowerCase() }];
    const name = quoted?.replaceAll('""', '"') ?? bracketed ?? ticked?.replaceAll('``', '`');
    if (name !== undefined) return [{ kind: 'name', text: name }];
    const text = other ?? string;
    return text === undefined ? [] : [{ kind: 'other', text }];
  });
}
