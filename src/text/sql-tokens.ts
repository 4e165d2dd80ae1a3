/** SQLite's tokens, as far as a reader needs them who does not parse the statement. */

export interface SqlToken {
  readonly kind: 'word' | 'quoted' | 'string' | 'number' | 'sign';
  /** Of a text in quotes what is in them. */
  readonly text: string;
  /** Where it is in the statement, in UTF-16 code units; the end excluded. */
  readonly start: number;
  readonly end: number;
}

const TOKEN =
  /\s+|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|(?<string>'(?:[^']|'')*')|(?<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])|(?<number>(?:\d[\w.]*|\.\d\w*)(?:(?<=[eE])[+-]\d+)?)|(?<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)|(?<sign>[^'"`[])/gy;

/** Without blanks and comments; undefined for a text in quotes that doesn't end. */
export function sqlTokens(sql: string): SqlToken[] | undefined {
  const tokens: SqlToken[] = [];
  let end = 0;
  for (const match of sql.matchAll(TOKEN)) {
    const start = match.index;
    end = start + match[0].length;
    const [kind, text] = Object.entries(match.groups ?? {}).find(([, value]) => value !== undefined) ?? [];
    if (text === undefined) continue;
    tokens.push({
      kind: kind as SqlToken['kind'],
      text: kind === 'quoted' || kind === 'string' ? unquote(text) : text,
      start,
      end,
    });
  }
  return end === sql.length ? tokens : undefined;
}

function unquote(text: string): string {
  const quote = text[0] ?? '';
  const inner = text.slice(1, -1);
  return quote === '[' ? inner : inner.replaceAll(quote + quote, quote);
}

/** Whether it is one of the words, in small letters; words of SQL have no case. */
export function isWord(token: SqlToken | undefined, ...words: readonly string[]): boolean {
  return token?.kind === 'word' && words.includes(token.text.toLowerCase());
}

export function isSign(token: SqlToken | undefined, sign: string): boolean {
  return token?.kind === 'sign' && token.text === sign;
}

/** Whether it can be a name: of a table, a column, or what AS gives. */
export function isName(token: SqlToken | undefined): boolean {
  return token?.kind === 'word' || token?.kind === 'quoted';
}

/** Words that may follow a table after FROM; any other word there is the table's alias. */
const AFTER_TABLE =
  'as cross except full group having indexed inner intersect join left limit natural not on order outer returning right union using where window'.split(
    ' ',
  );

/** Whether the token that follows a table, or the word AS, gives the table another name. */
export function isAlias(token: SqlToken | undefined): boolean {
  return isName(token) && !isWord(token, ...AFTER_TABLE);
}
