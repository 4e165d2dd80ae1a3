import { marked, type Token, type Tokens } from 'marked';

/** A page of the manual in the macros of man(7), as the system's `man` shows it. */
export function roffPage(
  topic: string,
  markdown: string,
  { version, date }: { readonly version: string; readonly date: Date },
): string {
  const tokens = marked.lexer(markdown);
  const title = tokens.find((token) => token.type === 'heading') as Tokens.Heading | undefined;
  const name = title === undefined ? topic : inline(title.tokens);
  const rest = tokens.filter((token) => token !== title);
  return `'\\" t
.TH BRO-OSQUERY-${topic.toUpperCase()} 7 "${date.toISOString().slice(0, 10)}" "bro-osquery ${version}" "bro-osquery"
.SH NAME
bro-osquery-${topic} \\- ${name}
.SH DESCRIPTION
${rest.map(block).join('')}.SH SEE ALSO
.BR bro-osquery (1)
`;
}

function block(token: Token): string {
  switch (token.type) {
    case 'heading':
      return `.${token['depth'] === 2 ? 'SH' : 'SS'} ${inline(token.tokens)}\n`;
    case 'paragraph':
      return `.PP\n${line(inline(token.tokens))}\n`;
    case 'text':
      return `${line(inline(token.tokens ?? [token]))}\n`;
    case 'code':
      return `.PP\n.EX\n${token['text'].split('\n').map(escaped).map(line).join('\n')}\n.EE\n`;
    case 'list':
      return list(token as Tokens.List);
    case 'table':
      return table(token as Tokens.Table);
    case 'space':
      return '';
    default:
      return `.PP\n${line(escaped(token.raw.trim()))}\n`;
  }
}

function list({ items, ordered }: Tokens.List): string {
  return items
    .map(({ tokens }, index) => {
      const mark = ordered ? `${index + 1}.` : '\\(bu';
      return `.IP ${mark} 3\n${tokens
        .map(block)
        .join('')
        .replace(/^\.PP\n/, '')}`;
    })
    .join('');
}

/** Each row is a paragraph with its first cell as the tag: tables of prose are too wide for columns. */
function table({ header, rows }: Tokens.Table): string {
  const labels = header.map(({ tokens }) => inline(tokens));
  return rows
    .map(([first, ...cells]) => {
      const said = cells
        .map(({ tokens }, index) => ({ label: labels[index + 1] ?? '', text: inline(tokens) }))
        .filter(({ text }) => text !== '')
        .map(({ label, text }) =>
          line(cells.length > 1 && label !== '' ? `\\fI${label}:\\fR ${text}` : text),
        );
      return `.TP\n${line(inline(first?.tokens ?? []))}\n${said.join('\n.br\n')}\n`;
    })
    .join('');
}

function inline(tokens: readonly Token[] = []): string {
  return tokens
    .map((token) => {
      const within = () => inline('tokens' in token ? token.tokens : undefined);
      switch (token.type) {
        case 'codespan':
          return `\\fB${escaped(token['text'])}\\fR`;
        case 'strong':
          return `\\fB${within()}\\fR`;
        case 'em':
          return `\\fI${within()}\\fR`;
        case 'link':
          return /^https?:/.test(token['href']) ? `${within()} (${escaped(token['href'])})` : within();
        case 'image':
          return `[picture: ${escaped(token['text'])}]`;
        case 'br':
          return ' ';
        default:
          if ('tokens' in token && token.tokens) return within();
          return escaped(('text' in token ? token['text'] : token.raw).replaceAll('\n', ' '));
      }
    })
    .join('');
}

/** A hyphen is the one of the command line. */
function escaped(text: string): string {
  return text.replaceAll('\\', '\\e').replaceAll('-', '\\-');
}

/** A line of text that is no macro. */
function line(text: string): string {
  return text.replace(/^[.']/, '\\&$&');
}
