import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { VERSION } from '../version.ts';
import { packageFiles } from './package-files.ts';

/**
 * Makes a Debian package of the binary, with dpkg-deb alone. Nothing is stripped: without its symbols the binary no
 * longer finds the program inside it.
 */

const root = join(import.meta.dirname, '../../..');
const tree = join(root, '.cache/package');
const architecture = execFileSync('dpkg', ['--print-architecture'], { encoding: 'utf8' }).trim();
const made = join(root, `dist/bro-osquery_${VERSION}_${architecture}.deb`);

function put(path: string, content: string | Buffer, mode: number): void {
  const target = join(tree, path);
  mkdirSync(dirname(target), { recursive: true, mode: 0o755 });
  writeFileSync(target, content, { mode });
}

process.umask(0o022);
rmSync(tree, { recursive: true, force: true });
const binary = 'usr/lib/osquery/extensions/bro-osquery.ext';
put(binary, '', 0o755);
copyFileSync(join(root, 'dist/bro-osquery.ext'), join(tree, binary));
const size = Number(execFileSync('du', ['-sk', tree], { encoding: 'utf8' }).split('\t')[0]);
for (const { path, content, mode, gzip } of packageFiles({ version: VERSION, architecture, size })) {
  put(path, gzip ? gzipSync(content, { level: 9 }) : content, mode);
}
mkdirSync(join(tree, 'usr/bin'), { recursive: true });
symlinkSync(`/${binary}`, join(tree, 'usr/bin/bro-osquery'));
execFileSync('dpkg-deb', ['--root-owner-group', '-Zgzip', '-z6', '--build', tree, made], {
  stdio: ['ignore', 'ignore', 'inherit'],
});
process.stdout.write(`${made}\n`);
