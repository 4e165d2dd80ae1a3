/**
 * The groups and all that enclose them: a host in `geo/de/hamburg` is also in `geo/de` and `geo`. Each once, a group
 * before its ancestors.
 */
export function withAncestors(groups: readonly string[]): readonly string[] {
  const all = new Set<string>();
  for (const group of groups) {
    for (let end = group.length; end > 0; end = group.lastIndexOf('/', end - 1)) {
      const ancestor = group.slice(0, end);
      if (!ancestor.endsWith('/')) all.add(ancestor);
    }
  }
  return [...all];
}

/** Longest group name that is taken: a topic must fit the 16 bits of its length in an envelope, with room to spare. */
export const MAX_GROUP_LENGTH = 1024;

/** Whether a host may join a group of this name. */
export function isGroupName(text: string): boolean {
  return text.length > 0 && text.length <= MAX_GROUP_LENGTH && !text.startsWith('/') && !text.endsWith('/');
}
