/**
 * Groups are labels of a host, nested by their names: a member of `geo/de/hamburg` also belongs to `geo/de` and
 * `geo`, so that a Bro may address a country or a continent without naming each town.
 */

/** Longest name of a group, in UTF-16 units; it becomes part of a Broker topic. */
export const MAX_GROUP_LENGTH = 256;

/** The group and those it is nested in, nearest first: `a/b/c`, `a/b`, `a`. */
export function lineage(group: string): string[] {
  const names = [group];
  for (let end = group.lastIndexOf('/'); end > 0; end = group.lastIndexOf('/', end - 1)) {
    names.push(group.slice(0, end));
  }
  return names;
}

/** The groups that the group is nested in, nearest first; none for a group at the top. */
export function ancestors(group: string): string[] {
  return lineage(group).slice(1);
}

/** Whether a host that is in `groups` belongs to `group`, itself or through a nested one. */
export function belongsTo(groups: readonly string[], group: string): boolean {
  return groups.some((own) => own === group || own.startsWith(`${group}/`));
}

/** What is wrong with the name of a group, or null: segments parted by single slashes, none of them empty. */
export function groupProblem(group: string): string | null {
  if (group === '') return 'the name of the group is empty';
  if (group.length > MAX_GROUP_LENGTH) {
    return `the name of the group is ${group.length} characters long, the most is ${MAX_GROUP_LENGTH}`;
  }
  if (group.split('/').includes(''))
    return `group '${group}' has an empty part; parts are divided by one '/'`;
  if (!group.isWellFormed() || hasControlCharacter(group)) {
    return 'the name of the group has characters that are no text';
  }
  return null;
}

function hasControlCharacter(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit < 0x20 || unit === 0x7f) return true;
  }
  return false;
}
