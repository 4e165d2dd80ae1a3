import { styleText } from 'node:util';
import { marked, type Token, type Tokens } from 'marked';
import { layOutTable, wrap } from './table-layout.ts';

type Style = Parameters<typeof styleText>[0];

export interface Terminal {
  /** Columns. */
  readonly width: number;
  readonly colours: boolean;
}

/** A page of the manual as a terminal shows it. */
export function renderPage(markdown: string, terminal: Terminal): string {
  return `${blocks(marked.lexer(markdown), terminal).join('\n')}\n`;
}

/** One line of Markdown without its marks. */
export function plainText(markdown: string): string {
  return inline(marked.Lexer.lexInline(markdown), false);
}

function blocks(tokens: readonly Token[], terminal: Terminal): string[] {
  return tokens.flatMap((token) => block(token, terminal));
}

function block(token: Token, terminal: Terminal): string[] {
  const { width, colours } = terminal;
  const text = (tokens: readonly Token[] | undefined) => inline(tokens ?? [], colours);
  switch (token.type) {
    case 'heading': {
      const title = inline(token.tokens ?? [], false);
      const top = token['depth'] === 1;
      return [paint(['bold', 'yellow'], top ? title.toUpperCase() : title, colours), ''];
    }
    case 'paragraph':
      return [...wrap(text(token.tokens), width), ''];
    case 'text':
      return wrap(text(token.tokens), width);
    case 'code':
      return [...token['text'].split('\n').map((line: string) => `    ${paint('green', line, colours)}`), ''];
    case 'list':
      return [...listItems(token as Tokens.List, terminal), ''];
    case 'table': {
      const { header, rows } = token as Tokens.Table;
      const table = {
        head: header.map((cell) => paint('dim', inline(cell.tokens, false), colours)),
        rows: rows.map((row) => row.map((cell) => text(cell.tokens))),
      };
      return [...layOutTable(table, width), ''];
    }
    case 'space':
      return [];
    default:
      return [...wrap(token.raw.trim(), width), ''];
  }
}

function listItems({ items, ordered }: Tokens.List, terminal: Terminal): string[] {
  return items.flatMap(({ tokens }, index) => {
    const mark = ordered ? `${index + 1}. ` : '- ';
    const inside = blocks(tokens, { ...terminal, width: terminal.width - mark.length });
    while (inside.at(-1) === '') inside.pop();
    return inside.map((line, number) => (number === 0 ? mark : ' '.repeat(mark.length)) + line);
  });
}

/** Words are painted one by one, so that lines can be broken between them. */
function inline(tokens: readonly Token[], colours: boolean): string {
  return tokens
    .map((token) => {
      const within = () => inline(('tokens' in token ? token.tokens : undefined) ?? [], colours);
      switch (token.type) {
        case 'codespan':
          return colours ? paint('cyan', token['text'], true) : `\`${token['text']}\``;
        case 'strong':
          return paint('bold', within(), colours);
        case 'em':
          return paint('italic', within(), colours);
        case 'link': {
          const target = String(token['href']);
          const label = paint('underline', within(), colours);
          return /^https?:/.test(target) ? `${label} (${target})` : label;
        }
        case 'image':
          return `[picture: ${token['text']}]`;
        case 'br':
          return ' ';
        case 'text':
          return (token.tokens ? within() : unescaped(token['text'])).replaceAll('\n', ' ');
        default:
          return unescaped('text' in token ? String(token['text']) : token.raw).replaceAll('\n', ' ');
      }
    })
    .join('');
}

/** The lexer may leave what HTML would need. */
function unescaped(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');
}

function paint(style: Style, text: string, colours: boolean): string {
  return colours
    ? text.replaceAll(/[^ ]+/g, (word) => styleText(style, word, { validateStream: false }))
    : text;
}
