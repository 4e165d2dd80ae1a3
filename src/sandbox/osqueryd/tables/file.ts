import { globSync, lstatSync, type Stats, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { SqlError } from '../sql/engine.ts';
import { columns, type Table, type TableRequest, type TableRow } from '../sql/table.ts';
import { listDirectory, readLink } from './proc.ts';

/** Bound on the paths that one statement may ask for through other tables. */
const MAX_PATHS = 20_000;

/**
 * osquery's `file`. It has rows only for paths and directories that the statement names: the text constants
 * that it compares with these columns, as SQLite compiled it, or, in a join, the paths in the rows of the
 * other tables. That is a superset of what the statement asks for; SQLite filters it.
 */
export const file: Table = {
  name: 'file',
  attributes: 1,
  dependent: true,
  columns: columns(
    'path TEXT index required optimized',
    'directory TEXT required optimized',
    'filename TEXT',
    'inode BIGINT',
    'uid BIGINT',
    'gid BIGINT',
    'mode TEXT',
    'device BIGINT',
    'size BIGINT',
    'block_size INTEGER',
    'atime BIGINT',
    'mtime BIGINT',
    'ctime BIGINT',
    'btime BIGINT',
    'hard_links INTEGER',
    'symlink INTEGER',
    'type TEXT',
    'symlink_target_path TEXT',
    ...['attributes', 'volume_serial', 'file_id'].map((name) => `${name} TEXT hidden`),
    ...['file_version', 'product_version'].map((name) => `${name} TEXT hidden version`),
    'original_filename TEXT hidden',
    ...['target_path', 'target_type', 'target_location', 'start_in', 'run', 'comment'].map(
      (name) => `shortcut_${name} TEXT hidden`,
    ),
    'bsd_flags TEXT hidden',
    'pid_with_namespace INTEGER additional hidden',
    'mount_namespace_id TEXT hidden',
  ),
  generate: (request) => {
    const paths = wanted(request, 'path');
    const directories = wanted(request, 'directory');
    if (paths.size === 0 && directories.size === 0) {
      throw new SqlError('Table file was queried without a required column in the WHERE clause');
    }
    const rows = new Map<string, TableRow>();
    const add = (path: string, directory: string) => {
      const key = `${path}\0${directory}`;
      const row = rows.has(key) ? undefined : fileRow(path, directory);
      if (row) rows.set(key, row);
    };
    for (const text of paths) for (const path of expand(text)) add(path, parent(path));
    for (const text of directories) {
      for (const directory of expand(text).filter(isDirectory)) {
        const prefix = directory.endsWith('/') ? directory : `${directory}/`;
        for (const name of listDirectory(directory)) add(`${prefix}${name}`, directory);
      }
    }
    return rows.values();
  },
};

/** Values that the statement compares with the column; in a join those of the other tables' rows. */
function wanted(request: TableRequest, column: string): Set<string> {
  const compared = request.compared.get(column)?.filter(isAbsolute) ?? [];
  const found = new Set(compared);
  if (compared.length > 0 || !request.used.has(column)) return found;
  for (const row of request.neighbours()) {
    for (const value of Object.values(row)) {
      if (found.size >= MAX_PATHS) return found;
      if (typeof value === 'string' && isAbsolute(value) && !value.includes('%')) found.add(value);
    }
  }
  // A path that comes from a subquery of constants.
  return found.size > 0 ? found : new Set(request.literals.filter(isAbsolute));
}

function isAbsolute(text: string): boolean {
  return text.startsWith('/');
}

/**
 * Paths that a LIKE pattern means: `%` within one level, `%%` at the end below any. Directories found this
 * way end in a slash.
 */
function expand(text: string): string[] {
  if (!text.includes('%')) return [text];
  const escaped = text.replace(/[[\]{}()!*?\\]/g, '\\$&');
  const pattern = escaped.replace(/%%+/g, '**').replaceAll('%', '*');
  try {
    const paths = globSync(pattern.endsWith('**') ? `${pattern}/*` : pattern).slice(0, MAX_PATHS);
    return paths.map((path) => (isDirectory(path) ? `${path}/` : path));
  } catch {
    return [];
  }
}

function parent(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) || '/' : dirname(path);
}

function fileRow(path: string, directory: string): TableRow | undefined {
  let link: Stats;
  try {
    link = lstatSync(path);
  } catch {
    return undefined;
  }
  const target = stat(path);
  const facts = target ?? link;
  return {
    path,
    directory,
    filename: path.endsWith('/') ? '.' : basename(path),
    inode: facts.ino,
    uid: facts.uid,
    gid: facts.gid,
    mode: (facts.mode & 0o7777).toString(8).padStart(4, '0'),
    device: facts.rdev,
    size: facts.size,
    block_size: facts.blksize,
    atime: Math.floor(facts.atimeMs / 1000),
    mtime: Math.floor(facts.mtimeMs / 1000),
    ctime: Math.floor(facts.ctimeMs / 1000),
    btime: 0,
    hard_links: facts.nlink,
    symlink: link.isSymbolicLink() ? 1 : 0,
    type: target ? typeName(target) : 'unknown',
    symlink_target_path: link.isSymbolicLink() ? readLink(path) : '',
    pid_with_namespace: 0,
  };
}

function stat(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

function isDirectory(path: string): boolean {
  return stat(path)?.isDirectory() ?? false;
}

function typeName(stats: Stats): string {
  if (stats.isFile()) return 'regular';
  if (stats.isDirectory()) return 'directory';
  if (stats.isBlockDevice()) return 'block';
  if (stats.isCharacterDevice()) return 'character';
  if (stats.isFIFO()) return 'fifo';
  return stats.isSocket() ? 'socket' : 'unknown';
}
