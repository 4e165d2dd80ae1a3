import { decodeText, encodeText } from '../text/byte-text.ts';

/**
 * osquery writes some bytes of TEXT in differential results as `\xHH`: a backslash, an x and two upper-case
 * digits. It does so with bytes below 0x20, and with bytes that are no valid UTF-8 (versions before 5.22: with
 * all bytes from 0x80 on). It doesn't escape the backslash itself, so text that says `\x0A` of its own accord
 * can't be told from an escaped newline; text that says `\x41` can, because osquery never writes that.
 */
const ESCAPED = /\\x(?:[01]|[89A-F])[0-9A-F]/;
const ESCAPED_ALL = new RegExp(ESCAPED, 'g');

/** The text as it was before osquery escaped it. */
export function undoTextEscapes(text: string): string {
  if (!ESCAPED.test(text)) return text;
  const parts: Uint8Array[] = [];
  let start = 0;
  for (const match of text.matchAll(ESCAPED_ALL)) {
    if (match.index > start) parts.push(encodeText(text.slice(start, match.index)));
    parts.push(Uint8Array.of(Number.parseInt(match[0].slice(2), 16)));
    start = match.index + match[0].length;
  }
  if (start < text.length) parts.push(encodeText(text.slice(start)));
  return decodeText(Buffer.concat(parts));
}
