/** A text of lines, with the line ends that it has. */

export function lineEndOf(text: string): '\n' | '\r\n' {
  return text.includes('\r\n') ? '\r\n' : '\n';
}

/** The text with one more line at its end. */
export function withLine(text: string, line: string): string {
  const end = lineEndOf(text);
  const before = text === '' || text.endsWith('\n') ? text : `${text}${end}`;
  return `${before}${line}${end}`;
}
