/** What osqueryd's autoloader starts, and what it refuses to (its source, extensions.cpp and filesystem.cpp). */
import { globSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';

const WRITABLE_BY_OTHERS = 0o002;
const EXECUTABLE = 0o111;
const STICKY = 0o1000;

/** The paths that a text of `--extensions_autoload` names, a directory's extensions among them. */
export function autoloadPaths(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#') && !line.startsWith(';'))
    .flatMap((path) => (statOf(path)?.isDirectory() ? globSync(`${path}/*.ext{,.exe}`).sort() : [path]));
}

/**
 * Why osqueryd will not start the file, in its own words; undefined if it will. It must end in .ext, be root's (or
 * ours, as osqueryd), executable, not writable by others, and in no folder like /tmp.
 */
export function whyNotAutoload(path: string, platform: string = process.platform): string | undefined {
  const stat = statOf(path);
  const ending = platform === 'win32' ? '.ext.exe' : '.ext';
  if (!path.endsWith(ending)) return `not ending in one of '${ending}'`;
  if (!stat) return "extension doesn't exist at";
  // Windows has access lists instead, which osqueryd alone judges.
  if (platform === 'win32') return undefined;
  const ownedSafely = stat.uid === 0 || stat.uid === process.getuid?.();
  const isShared = ((statOf(dirname(path))?.mode ?? STICKY) & STICKY) !== 0;
  const safe =
    ownedSafely && !isShared && (stat.mode & WRITABLE_BY_OTHERS) === 0 && (stat.mode & EXECUTABLE) !== 0;
  return safe ? undefined : 'with unsafe directory permissions';
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}
