/** Pieces of a Zeek script's text. */

/** A string literal of Zeek's, all on one line. */
export function zeekString(text: string): string {
  const escaped = text
    .replaceAll(/[\\"]/g, '\\$&')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t')
    .replaceAll(/\p{Cc}/gu, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return `"${escaped}"`;
}

/** The text in comment lines of at most about `width` characters; nothing in it can end the comment. */
export function comment(text: string, start: string, width = 110): readonly string[] {
  const lines: string[] = [];
  for (const line of text.split(/[\n\r\u2028\u2029]+/)) {
    let current = '';
    for (const word of line.split(/[\s\p{Cc}]+/u).filter((part) => part !== '')) {
      if (current !== '' && start.length + current.length + word.length + 2 > width) {
        lines.push(current);
        current = '';
      }
      current = current === '' ? word : `${current} ${word}`;
    }
    if (current !== '') lines.push(current);
  }
  return lines.map((line) => `${start} ${line}`);
}

/** Parameters or arguments between parentheses, further lines under the first of them. */
export function wrapped(
  head: string,
  parts: readonly string[],
  tail: string,
  width = 118,
): readonly string[] {
  const indent = head.replaceAll(/[^\t]/g, ' ');
  const lines: string[] = [];
  let line = head;
  for (const [at, part] of parts.entries()) {
    const piece = at < parts.length - 1 ? `${part},` : `${part}${tail}`;
    const isFirst = line === head || line === indent;
    if (!isFirst && line.replaceAll('\t', '        ').length + piece.length + 1 > width) {
      lines.push(line);
      line = indent;
    }
    line += line === head || line === indent ? piece : ` ${piece}`;
  }
  return [...lines, line];
}
