import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Facts, textsIn } from './facts.ts';
import { manualPage } from './manual-page.ts';
import { type PackageFile, packageFile } from './package-files.ts';
import { roffPage } from './roff.ts';
import type { Target } from './targets.ts';

/** Scripts and files that only this platform's archive has, from src/cli/build/PLATFORM. */
const SCRIPTS = /\.(ps1|sh)$/;

/** What an archive holds, for systems without a package of ours. */
export function archiveFiles(target: Target, binary: string, facts: Facts): readonly PackageFile[] {
  const isWindows = target.platform === 'win32';
  return [
    packageFile(target.file, readFileSync(binary), 0o755),
    text(target, 'LICENSE', facts.license),
    text(target, 'CHANGELOG.md', facts.changelog),
    text(target, 'third-party.txt', facts.thirdParty),
    ...[...facts.examples].map(([name, content]) => text(target, `examples/${name}`, content)),
    ...(isWindows ? [] : manPages(facts)),
    ...platformFiles(target),
  ];
}

/** The Zeek package, as zkg takes it. */
export function zeekPackageFiles(root: string): readonly PackageFile[] {
  const listed = execFileSync('git', ['ls-files', '-s', 'zkg.meta', 'zeek'], { cwd: root, encoding: 'utf8' });
  const files = listed
    .trim()
    .split('\n')
    .map((line) => /^(\d+) \S+ \d+\t(.*)$/.exec(line) ?? []);
  return [
    ...files.map(([, mode = '', path = '']) =>
      packageFile(path, readFileSync(join(root, path)), mode === '100755' ? 0o755 : 0o644),
    ),
    packageFile('LICENSE', readFileSync(join(root, 'LICENSE'))),
  ];
}

function manPages(facts: Facts): PackageFile[] {
  return [
    packageFile('man/man1/bro-osquery.1', manualPage(facts)),
    ...Object.entries(facts.manual).map(([topic, markdown]) =>
      packageFile(`man/man7/bro-osquery-${topic}.7`, roffPage(topic, markdown, facts)),
    ),
  ];
}

function platformFiles(target: Target): PackageFile[] {
  if (target.platform === 'linux') return [];
  const folder = target.platform === 'win32' ? 'windows' : 'macos';
  return [...textsIn(join(import.meta.dirname, folder))].map(([name, content]) =>
    text(target, name, content, SCRIPTS.test(name) ? 0o755 : 0o644),
  );
}

/** Windows' own programs want its line ends. */
function text(target: Target, path: string, content: string, mode = 0o644): PackageFile {
  const ends = target.platform === 'win32' ? content.replaceAll(/\r?\n/g, '\r\n') : content;
  return packageFile(path, ends, mode);
}
