/** The name as SQL takes it whatever is in it. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** The columns as CREATE TABLE takes them; a type that osquery doesn't know has no affinity. */
export function columnDefinitions(
  columns: readonly { readonly name: string; readonly type: string }[],
): string {
  return columns
    .map(({ name, type }) => `${quoteIdentifier(name)}${type === 'UNKNOWN' ? '' : ` ${type}`}`)
    .join(', ');
}
