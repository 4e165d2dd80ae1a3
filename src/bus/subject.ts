/**
 * Subjects in NATS's grammar: tokens joined by dots; in a pattern `*` stands for one token and a last `>` for one
 * or more. A token that carries foreign text (an address, a name) is escaped, see src/text/subject-token.ts, so that
 * the same subject is valid on a NATS server.
 */

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
