import { lstatSync, lutimesSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { EXTENSION_PATH, type PackageFile } from './package-files.ts';

/** Where a system looks for programs. */
const COMMAND_PATH = 'usr/bin/bro-osquery';

/** Writes the files below a folder, with the link that makes the extension a command where it is among them. */
export function layOut(tree: string, files: readonly PackageFile[]): void {
  const umask = process.umask(0o022);
  try {
    for (const { path, content, mode } of files) {
      mkdirSync(dirname(join(tree, path)), { recursive: true });
      writeFileSync(join(tree, path), content, { mode });
    }
    if (!files.some(({ path }) => path === EXTENSION_PATH)) return;
    mkdirSync(dirname(join(tree, COMMAND_PATH)), { recursive: true });
    symlinkSync(relative(dirname(COMMAND_PATH), EXTENSION_PATH), join(tree, COMMAND_PATH));
  } finally {
    process.umask(umask);
  }
}

/** Gives everything below a folder one time. */
export function dateAll(path: string, date: Date): void {
  if (lstatSync(path).isDirectory()) for (const name of readdirSync(path)) dateAll(join(path, name), date);
  lutimesSync(path, date, date);
}
