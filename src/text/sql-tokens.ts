/** SQLite's tokens, as far as a reader needs them who does not parse the statement. */

export interface SqlToken {
  readonly kind: 'word' | 'quoted' | 'string' | 'number' | 'sign';
  /** Of a text in quotes what is in them. */
  readonly text: string;
}

const TOKEN =
  /\s+|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|(?<string>'(?:[^']|'')*')|(?<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])|(?<number>(?:\d[\w.]*|\.\d\w*)(?:(?<=[eE])[+-]\d+)?)|(?<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)|(?<sign>[^'"`[])/gy;

/** Without blanks and comments; undefined for a text in quotes that doesn't end. */
export function sqlTokens(sql: string): SqlToken[] | undefined {
  const tokens: SqlToken[] = [];
  let end = 0;
  for (const match of sql.matchAll(TOKEN)) {
    end = match.index + match[0].length;
    const [kind, text] = Object.entries(match.groups ?? {}).find(([, value]) => value !== undefined) ?? [];
    if (text === undefined) continue;
    tokens.push({
      kind: kind as SqlToken['kind'],
      text: kind === 'quoted' || kind === 'string' ? unquote(text) : text,
    });
  }
  return end === sql.length ? tokens : undefined;
}

function unquote(text: string): string {
  const quote = text[0] ?? '';
  const inner = text.slice(1, -1);
  return quote === '[' ? inner : inner.replaceAll(quote + quote, quote);
}
