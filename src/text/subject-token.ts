import { decodeText, encodeText } from './byte-text.ts';

/**
 * Text as one token of a subject in NATS's grammar, where dots part tokens and `*` and `>` are wildcards. Any text
 * can be one, bytes that are no UTF-8 among it, and comes back by {@link untoken}; the same token is valid on a NATS
 * server.
 */

const EMPTY = '%';
const FORBIDDEN = /[%.*>\s\p{Cc}\p{Cs}]/gu;

/** The text with what NATS forbids in a token (dots, wildcards, blanks, control characters) as %XX of its bytes. */
export function token(text: string): string {
  if (text === '') return EMPTY;
  return text.replaceAll(FORBIDDEN, (char) => {
    const bytes = Buffer.from(encodeText(char)).toString('hex').toUpperCase();
    return bytes.replaceAll(/../g, '%$&');
  });
}

/** The text that {@link token} was given. */
export function untoken(escaped: string): string {
  if (escaped === EMPTY) return '';
  return escaped.replaceAll(/(?:%[0-9A-F]{2})+/g, (run) =>
    decodeText(Buffer.from(run.replaceAll('%', ''), 'hex')),
  );
}
