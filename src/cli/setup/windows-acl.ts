/** Well-known security identifiers, which are the same in every language of Windows. */
const ADMINISTRATORS = '*S-1-5-32-544';
const SYSTEM = '*S-1-5-18';
const USERS = '*S-1-5-32-545';

/**
 * The calls of icacls that give a file or folder the permissions which osqueryd demands of what it loads: owner
 * Administrators, inheritance cut, nobody else may write. What is in a folder inherits its permissions; a secret is one
 * that others may not read either.
 */
export function aclCommands(
  path: string,
  kind: 'file' | 'folder' | 'secret',
): readonly (readonly string[])[] {
  const inherited = kind === 'folder' ? '(OI)(CI)' : '';
  const grants = [`${SYSTEM}:${inherited}F`, `${ADMINISTRATORS}:${inherited}F`];
  if (kind !== 'secret') grants.push(`${USERS}:${inherited}RX`);
  return [
    [path, '/setowner', ADMINISTRATORS],
    [path, '/inheritance:r', '/grant:r', ...grants],
  ];
}
