import { columns, type Table } from '../sql/table.ts';
import { readText } from './proc.ts';

/** osquery's `users`, from /etc/passwd. */
export const users: Table = {
  name: 'users',
  columns: columns(
    'uid BIGINT index',
    'gid BIGINT',
    'uid_signed BIGINT',
    'gid_signed BIGINT',
    'username TEXT additional',
    'description TEXT',
    'directory TEXT',
    'shell TEXT',
    'uuid TEXT index nocase',
    'type TEXT hidden',
    'is_hidden INTEGER hidden',
    'pid_with_namespace INTEGER additional hidden',
    'include_remote INTEGER additional hidden',
  ),
  generate: () =>
    records('/etc/passwd', 7).map(([username, , uid = '', gid = '', description, directory, shell]) => ({
      uid,
      gid,
      uid_signed: signed(uid),
      gid_signed: signed(gid),
      username,
      description,
      directory,
      shell,
      uuid: '',
      pid_with_namespace: 0,
      include_remote: 0,
    })),
};

/** osquery's `groups`, from /etc/group. */
export const groups: Table = {
  name: 'groups',
  columns: columns(
    'gid BIGINT index',
    'gid_signed BIGINT',
    'groupname TEXT',
    'group_sid TEXT index hidden',
    'comment TEXT hidden',
    'is_hidden INTEGER hidden',
    'pid_with_namespace INTEGER additional hidden',
  ),
  generate: () =>
    records('/etc/group', 3).map(([groupname, , gid = '']) => ({
      gid,
      gid_signed: signed(gid),
      groupname,
      pid_with_namespace: 0,
    })),
};

function records(path: string, fields: number): string[][] {
  return (readText(path) ?? '')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#') && !line.startsWith('+'))
    .map((line) => line.split(':'))
    .filter((record) => record.length >= fields);
}

/** The id as a 32 bit number with a sign, as the columns `…_signed` show it. */
function signed(id: string): number {
  return Number(id) | 0;
}
