import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { VERSION } from '../version.ts';
import { debianVersion, EXTENSION_PATH, packageFiles } from './package-files.ts';
import { thirdPartyLicenses } from './third-party.ts';

/**
 * Makes a Debian package of the binary, with dpkg-deb alone. Nothing is stripped: without its symbols the binary no
 * longer finds the program inside it. The same sources make the same package, byte for byte.
 *
 * `--to FOLDER` is where it goes, `--compression` what dpkg-deb is to compress with (`none` is quick).
 */

const root = join(import.meta.dirname, '../../..');
const { values: given } = parseArgs({
  options: {
    to: { type: 'string', default: join(root, 'dist') },
    compression: { type: 'string', default: 'xz' },
  },
});
const folder = resolve(given.to);
const tree = join(folder, '.bro-osquery.deb');
const binary = join(root, 'dist/bro-osquery.ext');

function run(program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}

/** When the sources are from: SOURCE_DATE_EPOCH, else their last commit, else the day the version was given. */
function sourceDate(): Date {
  const { SOURCE_DATE_EPOCH: epoch } = process.env;
  if (epoch) return new Date(Number(epoch) * 1_000);
  try {
    return new Date(Number(run('git', 'log', '-1', '--format=%ct')) * 1_000);
  } catch {
    return statSync(join(root, 'package.json')).mtime;
  }
}

function textsIn(path: string, pattern = /./): ReadonlyMap<string, string> {
  const names = readdirSync(join(root, path))
    .filter((name) => pattern.test(name))
    .sort();
  return new Map(names.map((name) => [name, readFileSync(join(root, path, name), 'utf8')]));
}

/** What the binary itself says of its commands. */
function help(): ReadonlyMap<string, string> {
  const whole = run(binary, '--help');
  const names = [...whole.slice(whole.indexOf('Commands:')).matchAll(/^ {2}([a-z-]+)/gm)].map(
    ([, name = '']) => name,
  );
  return new Map([
    ['', whole],
    ...names.filter((name) => name !== 'help').map((name) => [name, run(binary, 'help', name)] as const),
  ]);
}

function put(path: string, content: string | Buffer, mode: number): void {
  const target = join(tree, path);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, content, { mode });
}

process.umask(0o022);
rmSync(tree, { recursive: true, force: true });
put(EXTENSION_PATH, '', 0o755);
copyFileSync(binary, join(tree, EXTENSION_PATH));
mkdirSync(join(tree, 'usr/bin'), { recursive: true });
symlinkSync(relative('usr/bin', EXTENSION_PATH), join(tree, 'usr/bin/bro-osquery'));

const date = sourceDate();
const architecture = run('dpkg', '--print-architecture');
const { DEBFULLNAME: name = 'bro-osquery maintainers', DEBEMAIL: email = 'maintainers@bro-osquery.example' } =
  process.env;
const files = packageFiles({
  version: VERSION,
  architecture,
  size: Math.ceil(statSync(binary).size / 1_024),
  maintainer: `${name} <${email}>`,
  date,
  help: help(),
  debian: textsIn('src/cli/build/debian'),
  examples: textsIn('fixtures/config', /\.json$/),
  thirdParty: thirdPartyLicenses(
    root,
    JSON.parse(readFileSync(join(root, '.cache/binary/inputs.json'), 'utf8')),
  ),
});
for (const { path, content, mode, gzip } of files) {
  put(path, gzip ? gzipSync(content, { level: 9 }) : content, mode);
}
const checksums = [
  EXTENSION_PATH,
  ...files.map(({ path }) => path).filter((path) => !path.startsWith('DEBIAN/')),
]
  .sort()
  .map(
    (path) =>
      `${createHash('md5')
        .update(readFileSync(join(tree, path)))
        .digest('hex')}  ${path}\n`,
  );
put('DEBIAN/md5sums', checksums.join(''), 0o644);

const made = join(folder, `bro-osquery_${debianVersion(VERSION)}_${architecture}.deb`);
execFileSync('dpkg-deb', ['--root-owner-group', `-Z${given.compression}`, '--build', tree, made], {
  env: { ...process.env, SOURCE_DATE_EPOCH: String(Math.floor(date.getTime() / 1_000)) },
  stdio: ['ignore', 'ignore', 'inherit'],
});
rmSync(tree, { recursive: true, force: true });
process.stdout.write(`${made}\n`);
