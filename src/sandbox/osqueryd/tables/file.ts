import { globSync, lstatSync, type Stats, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { SqlError } from '../sql/engine.ts';
import { columns, type Table, type TableRequest, type TableRow } from '../sql/table.ts';
import { listDirectory, readLink } from './proc.ts';

/** Bound on the paths that one statement may ask for through other tables. */
const MAX_PATHS = 20_000;

/**
 * osquery's `file`. It has rows only for paths and directories that the statement names: the text constants
 * of the statement as SQLite compiled it, where they are absolute, and such paths in the rows of the other
 * tables it joins. That is a superset of what the statement asks for; SQLite filters it.
 */
export const file: Table = {
  name: 'file',
  attributes: 1,
  dependent: true,
  columns: columns(
    'path TEXT',
    'directory TEXT',
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
    ...['attributes', 'volume_serial', 'file_id', 'file_version', 'product_version', 'original_filename'].map(
      (name) => `${name} TEXT hidden`,
    ),
    'bsd_flags TEXT hidden',
    'pid_with_namespace INTEGER hidden',
    'mount_namespace_id TEXT hidden',
  ),
  generate: (request) => {
    const wanted = wantedPaths(request);
    if (wanted.size === 0 || !(request.used.has('path') || request.used.has('directory'))) {
      throw new SqlError('Table file was queried without a required column in the WHERE clause');
    }
    const rows = new Map<string, TableRow>();
    const add = (path: string, directory: string) => {
      const key = `${path}\0${directory}`;
      const row = rows.has(key) ? undefined : fileRow(path, directory);
      if (row) rows.set(key, row);
    };
    for (const text of wanted) {
      for (const path of expand(text)) {
        if (request.used.has('path')) add(path, parent(path));
        if (!request.used.has('directory') || !isDirectory(path)) continue;
        const prefix = path.endsWith('/') ? path : `${path}/`;
        for (const name of listDirectory(path)) add(`${prefix}${name}`, path);
      }
    }
    return rows.values();
  },
};

function wantedPaths(request: TableRequest): Set<string> {
  const wanted = new Set(request.literals.filter(isAbsolute));
  for (const row of request.neighbours()) {
    for (const value of Object.values(row)) {
      if (wanted.size >= MAX_PATHS) return wanted;
      if (typeof value === 'string' && isAbsolute(value) && !value.includes('%')) wanted.add(value);
    }
  }
  return wanted;
}

function isAbsolute(text: string): boolean {
  return text.startsWith('/');
}

/** Paths that a LIKE pattern means: `%` within one level, `%%` at the end below any. */
function expand(text: string): string[] {
  if (!text.includes('%')) return [text];
  const escaped = text.replace(/[[\]{}()!*?\\]/g, '\\$&');
  const pattern = escaped.replace(/%%+/g, '**').replaceAll('%', '*');
  try {
    return globSync(pattern.endsWith('**') ? `${pattern}/*` : pattern).slice(0, MAX_PATHS);
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
