/**
 * The patterns of paths that Zeek Agent's tables take: `*`, `?` and `[…]` within one level of folders, as the shell has
 * them; a name that begins with a dot is found by a pattern that does. `**` is no more than `*`.
 */

const WILD = /[*?[]/;

/** What is wrong with a pattern, if anything is. */
export function globProblem(pattern: string): string | undefined {
  if (/^\/|^[A-Za-z]:[\\/]/.test(pattern)) return undefined;
  return `the pattern ${JSON.stringify(pattern)} is not an absolute path`;
}

export function isWild(pattern: string): boolean {
  return WILD.test(pattern);
}

/** Whether a single level of a path, `name`, is one that the level of the pattern means. */
export function levelMatcher(level: string): (name: string) => boolean {
  const matches = new RegExp(`^${partsOf(level).map(toRegExp).join('')}$`, 'su');
  const takesHidden = level.startsWith('.');
  return (name) => (takesHidden || !name.startsWith('.')) && matches.test(name);
}

/** The pattern for osquery's table `file`, where `%` stands for what is within one level: it may mean more. */
export function likePattern(pattern: string): string {
  return partsOf(pattern)
    .map((part) => (part.kind === 'text' ? part.text : '%'))
    .join('')
    .replaceAll(/%+/g, '%');
}

/** The same for SQLite's GLOB, whose `*` doesn't stop at a slash. Undefined where {@link likePattern} says it all. */
export function sqliteGlob(pattern: string): string | undefined {
  const parts = partsOf(pattern);
  const isPlain = parts.every(
    (part) => part.kind === 'any' || (part.kind === 'text' && !part.text.includes('%')),
  );
  if (isPlain) return undefined;
  return parts
    .map((part) => {
      if (part.kind === 'any') return '*';
      if (part.kind === 'one') return '?';
      return part.kind === 'text' ? part.text : `[${part.negated ? '^' : ''}${part.members}]`;
    })
    .join('');
}

type Part =
  | { readonly kind: 'any' }
  | { readonly kind: 'one' }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'members'; readonly negated: boolean; readonly members: string };

/** A `[` that nothing closes is a text. */
function partsOf(pattern: string): Part[] {
  return [...pattern.matchAll(/\*+|\?|\[([!^]?)(\]?[^\]/]*)\]|[^*?[]+|\[/gsu)].map((match): Part => {
    const [text, negation, members] = match;
    if (text.startsWith('*')) return { kind: 'any' };
    if (text === '?') return { kind: 'one' };
    if (members !== undefined && members !== '')
      return { kind: 'members', negated: negation !== '', members };
    return { kind: 'text', text };
  });
}

function toRegExp(part: Part): string {
  switch (part.kind) {
    case 'any':
      return '.*';
    case 'one':
      return '.';
    case 'text':
      return part.text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
    case 'members':
      return `[${part.negated ? '^' : ''}${members(part.members)}]`;
    default:
      return part satisfies never;
  }
}

/** A range stays one; one whose ends are the wrong way round means nothing, as in the shell. */
function members(text: string): string {
  const literal = (char: string) => (/[\\^\]\-[]/.test(char) ? `\\${char}` : char);
  const found = [...text.matchAll(/(.)-(.)|(.)/gsu)].map(([, from, to, one]) => {
    if (from === undefined || to === undefined) return literal(one ?? '');
    return from <= to ? `${literal(from)}-${literal(to)}` : '';
  });
  // An empty class of a regular expression means no character, a negated empty one any: as it should be.
  return found.join('');
}
