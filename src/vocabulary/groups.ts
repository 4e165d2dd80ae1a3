/**
 * Groups are labels of a host, nested by their names: a member of `geo/de/hamburg` also belongs to `geo/de` and
 * `geo`, so that a Bro may address a country or a continent without naming each town.
 */

/** The group and those it is nested in, nearest first: `a/b/c`, `a/b`, `a`. */
export function lineage(group: string): string[] {
  const names = [group];
  for (let end = group.lastIndexOf('/'); end > 0; end = group.lastIndexOf('/', end - 1)) {
    names.push(group.slice(0, end));
  }
  return names;
}

/** The groups and all that they are nested in, each once, a group before its ancestors. */
export function withAncestors(groups: readonly string[]): readonly string[] {
  return [...new Set(groups.flatMap(lineage))];
}

/** Longest text that is read as a group's name; which of them a host joins is the schedule's to say, and fewer. */
export const MAX_GROUP_LENGTH = 1024;

/** Whether a request may name a group so: the name ends a topic, whose parts are divided by `/`. */
export function isGroupName(text: string): boolean {
  return text.length > 0 && text.length <= MAX_GROUP_LENGTH && !text.startsWith('/') && !text.endsWith('/');
}
