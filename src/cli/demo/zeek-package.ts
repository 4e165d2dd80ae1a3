import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The scripts of the Zeek package by path, `osquery/native.zeek`. In the one executable this module is replaced by one
 * that has them in it.
 */
export async function zeekPackage(): Promise<Readonly<Record<string, string>>> {
  const folder = join(import.meta.dirname, '../../../zeek');
  const names = await readdir(join(folder, 'osquery'), { recursive: true });
  const paths = names.filter((name) => name.endsWith('.zeek')).map((name) => join('osquery', name));
  const scripts = paths
    .sort()
    .map(async (path) => [path, await readFile(join(folder, path), 'utf8')] as const);
  return Object.fromEntries(await Promise.all(scripts));
}
