/** Longest name of a group that a host joins, in UTF-16 units; it becomes part of a Broker topic. */
const MAX_GROUP_LENGTH = 256;

/** Whether a host that is in `groups` belongs to `group`, itself or through a nested one. */
export function belongsTo(groups: readonly string[], group: string): boolean {
  return groups.some((own) => own === group || own.startsWith(`${group}/`));
}

/** What is wrong with the name of a group, or null: segments parted by single slashes, none of them empty. */
export function groupProblem(group: string): string | null {
  if (group === '') return 'the group name is empty';
  if (group.length > MAX_GROUP_LENGTH) {
    return `the group name has ${group.length} characters, the limit is ${MAX_GROUP_LENGTH}`;
  }
  if (group.split('/').includes(''))
    return `group '${group}' has an empty part; parts are divided by one '/'`;
  if (!group.isWellFormed() || hasControlCharacter(group)) {
    return 'the group name has invalid characters';
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
