/** Well-known security identifiers, which are the same in every language of Windows. */
const ADMINISTRATORS = '*S-1-5-32-544';
const SYSTEM = '*S-1-5-18';
const USERS = '*S-1-5-32-545';

/**
 * The calls of icacls that give a file or folder the permissions which osqueryd demands of what it loads: owner
 * Administrators, inheritance cut, nobody else may write.
 * @param isSecret whether others may not read it either
 */
export function aclCommands(path: string, isSecret: boolean): readonly (readonly string[])[] {
  const full = [`${SYSTEM}:F`, `${ADMINISTRATORS}:F`];
  return [
    [path, '/setowner', ADMINISTRATORS],
    [path, '/inheritance:r', '/grant:r', ...full, ...(isSecret ? [] : [`${USERS}:RX`])],
  ];
}
