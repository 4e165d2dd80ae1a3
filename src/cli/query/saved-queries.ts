import { readdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Queries that teams keep as files: `NAME.sql`, which begins with a head of comments, `-- key: value` a line; other comments
 * are its description. What the command line says goes before what the head says.
 */
export interface SavedQuery {
  readonly name: string;
  readonly file: string;
  readonly description: string;
  readonly sql: string;
  readonly options: SavedOptions;
}

/** Options that a head may have, as texts; the command line's reader reads them. */
export type SavedOptions = Readonly<Partial<Record<SavedKey, readonly string[]>>>;

const KEYS = ['host', 'group', 'subnet', 'where', 'timeout', 'first', 'then', 'every', 'update'] as const;
export type SavedKey = (typeof KEYS)[number];

/** A saved query can't be had; the message says where it was looked for, or what is wrong with it. */
export class SavedQueryError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SavedQueryError';
  }
}

/** Where saved queries are looked for, in this order. */
export function queryFolders(
  chosen: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  if (chosen !== undefined) return [chosen];
  const named = env['BRO_OSQUERY_QUERIES'];
  if (named !== undefined && named !== '') return [named];
  const settings = env['XDG_CONFIG_HOME'] || join(homedir(), '.config');
  return ['queries', join(settings, 'bro-osquery', 'queries')];
}

/** @throws SavedQueryError */
export async function readSavedQuery(name: string, folders: readonly string[]): Promise<SavedQuery> {
  if (!/^[\w][\w./-]*$/.test(name) || name.includes('..')) {
    throw new SavedQueryError(`@${name} is not a name of a saved query: letters, digits, - _ . and / alone`);
  }
  for (const folder of folders) {
    const file = join(folder, `${name}.sql`);
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
      throw new SavedQueryError(`${file} can't be read: ${error.message}`);
    });
    if (text !== undefined) return parseSavedQuery(name, file, text);
  }
  const others = (await listSavedQueries(folders)).map((query) => query.name);
  const are = others.length === 0 ? 'there are none' : `there are ${others.slice(0, 10).join(', ')}`;
  throw new SavedQueryError(`no saved query @${name} in ${folders.join(' or ')}; ${are}`);
}

/** All that are there, by name; those that can't be read are left out. */
export async function listSavedQueries(folders: readonly string[]): Promise<readonly SavedQuery[]> {
  const found = new Map<string, SavedQuery>();
  for (const folder of folders) {
    const files = await readdir(folder, { recursive: true }).catch(() => []);
    for (const file of files.filter((one) => one.endsWith('.sql')).toSorted()) {
      const name = file.slice(0, -'.sql'.length).replaceAll('\\', '/');
      const path = join(folder, file);
      const text = await readFile(path, 'utf8').catch(() => undefined);
      if (text === undefined || found.has(name)) continue;
      try {
        found.set(name, parseSavedQuery(name, path, text));
      } catch (error) {
        if (!(error instanceof SavedQueryError)) throw error;
      }
    }
  }
  return [...found.values()].toSorted((one, other) => one.name.localeCompare(other.name));
}

/** @throws SavedQueryError */
export function parseSavedQuery(name: string, file: string, text: string): SavedQuery {
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n/);
  const end = lines.findIndex((line) => line.trim() !== '' && !line.trim().startsWith('--'));
  const head = (end < 0 ? lines : lines.slice(0, end)).map((line) => line.trim().replace(/^--\s?/, ''));
  const sql = end < 0 ? '' : lines.slice(end).join('\n').trim().replace(/;\s*$/, '');
  if (sql === '') throw new SavedQueryError(`${file} has no query below its comments`);
  const options: Partial<Record<SavedKey, string[]>> = {};
  const description: string[] = [];
  for (const line of head) {
    const [, key, value] = /^([a-z]+):\s*(.*)$/.exec(line) ?? [];
    const known = KEYS.find((one) => one === key);
    if (known && value !== undefined) options[known] = [...(options[known] ?? []), value];
    else if (line !== '') description.push(key === 'description' ? (value ?? '') : line);
  }
  return { name, file, description: description.join(' '), sql, options };
}
