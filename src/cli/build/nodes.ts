import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const LOCK = 'package-lock.json';

/**
 * Has the Node of every platform, as nodes/package-lock.json names them with their checksums.
 * @returns the folder of each package of npm
 */
export function fetchNodes(cache: string): (name: string) => string {
  const asked = join(import.meta.dirname, 'nodes');
  const there =
    existsSync(join(cache, 'node_modules', '.package-lock.json')) && isSame(join(asked, LOCK), cache);
  if (!there) {
    mkdirSync(cache, { recursive: true });
    for (const file of ['package.json', LOCK]) copyFileSync(join(asked, file), join(cache, file));
    // Forced: they are for other platforms than this one, and none of them is run by npm.
    execFileSync('npm', ['ci', '--force', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: cache,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }
  return (name) => join(cache, 'node_modules', name);
}

function isSame(lock: string, cache: string): boolean {
  const copy = join(cache, LOCK);
  return existsSync(copy) && readFileSync(copy, 'utf8') === readFileSync(lock, 'utf8');
}
