/**
 * Subjects in NATS's grammar: tokens joined by dots; in a pattern `*` stands for one token and a last `>`
 * for one or more. A token that carries foreign text (an address, a name) is escaped by {@link token}, so
 * that the same subject is valid on a NATS server.
 */

const EMPTY = '%';

/** Text as one token: what NATS forbids there (dots, wildcards, blanks, control characters) as %XX of its UTF-8. */
export function token(text: string): string {
  if (text === '') return EMPTY;
  return text.toWellFormed().replaceAll(/[%.*>\s\p{Cc}]/gu, (char) => {
    const bytes = Buffer.from(char, 'utf8').toString('hex').toUpperCase();
    return bytes.replaceAll(/../g, '%$&');
  });
}

/** The text that {@link token} was given. */
export function untoken(escaped: string): string {
  return escaped === EMPTY ? '' : decodeURIComponent(escaped);
}

/** Whether a subject falls under a pattern. */
export function matches(pattern: string, subject: string): boolean {
  const wanted = pattern.split('.');
  const given = subject.split('.');
  for (const [at, part] of wanted.entries()) {
    if (part === '>' && at === wanted.length - 1) return given.length > at;
    if (at >= given.length || (part !== '*' && part !== given[at])) return false;
  }
  return wanted.length === given.length;
}
