import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Facts, textsIn } from './facts.ts';
import { layOut } from './lay-out.ts';
import {
  commonFiles,
  compressed,
  DOCUMENTS,
  EXTENSION_PATH,
  type PackageFile,
  packageFile,
} from './package-files.ts';

export interface DebianPackage {
  readonly facts: Facts;
  /** The executable to install. */
  readonly binary: string;
  /** As dpkg calls it. */
  readonly architecture: string;
  /** Folder. */
  readonly to: string;
  /** What dpkg-deb is to compress with: `xz`, or `none`, which is quick. */
  readonly compression: string;
}

/**
 * Makes a Debian package of the executable, with dpkg-deb alone. Nothing is stripped: without its symbols the binary no
 * longer finds the program inside it. The same sources make the same package, byte for byte.
 * @returns its path
 */
export function makeDebianPackage({ facts, binary, architecture, to, compression }: DebianPackage): string {
  const debian = textsIn(join(import.meta.dirname, 'debian'));
  const text = (name: string): string => {
    const content = debian.get(name);
    if (content === undefined) throw new Error(`src/cli/build/debian has no ${name}`);
    return content;
  };
  const installed = [
    packageFile(EXTENSION_PATH, readFileSync(binary), 0o755),
    packageFile('usr/share/lintian/overrides/bro-osquery', text('lintian-overrides')),
    packageFile(`${DOCUMENTS}/copyright`, text('copyright')),
    compressed(`${DOCUMENTS}/changelog.Debian`, changelog(facts)),
    ...commonFiles(facts),
  ];
  const size = Math.ceil(statSync(binary).size / 1_024);
  const control = [
    packageFile('DEBIAN/control', controlFile(facts, architecture, size)),
    ...['postinst', 'prerm', 'postrm'].map((name) => packageFile(`DEBIAN/${name}`, text(name), 0o755)),
    packageFile('DEBIAN/md5sums', md5sums(installed)),
  ];
  const work = mkdtempSync(join(tmpdir(), 'bro-osquery-deb-'));
  // Its mode is in the package, and that of a temporary folder is for its owner alone.
  const tree = join(work, 'tree');
  try {
    layOut(tree, [...installed, ...control]);
    const made = join(to, `bro-osquery_${debianVersion(facts.version)}_${architecture}.deb`);
    execFileSync('dpkg-deb', ['--root-owner-group', `-Z${compression}`, '--build', tree, made], {
      env: { ...process.env, SOURCE_DATE_EPOCH: String(Math.floor(facts.date.getTime() / 1_000)) },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    return made;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The revision after the hyphen is that of the packaging. */
export function debianVersion(version: string): string {
  return `${version}-1`;
}

/** The libraries are what Node's own binary is linked with, the versions those of its symbols. */
function controlFile({ version, maintainer }: Facts, architecture: string, size: number): string {
  return `Package: bro-osquery
Version: ${debianVersion(version)}
Architecture: ${architecture}
Maintainer: ${maintainer}
Installed-Size: ${size}
Depends: libc6 (>= 2.28), libstdc++6 (>= 5), libgcc-s1 | libgcc1, libatomic1
Suggests: osquery
Section: net
Priority: optional
Description: make this osquery host a live sensor of the network monitor Zeek
 An extension of osqueryd that joins the host to one or more Zeeks (formerly
 Bros): Zeek scripts subscribe to SQL, osquery runs it, and each row that comes
 or goes arrives in Zeek as an event. Rows wait on disk until their Zeek has
 confirmed them.
`;
}

function changelog({ version, maintainer, date }: Facts): string {
  return `bro-osquery (${debianVersion(version)}) stable; urgency=medium

  * Version ${version}.

 -- ${maintainer}  ${date.toUTCString().replace('GMT', '+0000')}
`;
}

function md5sums(files: readonly PackageFile[]): string {
  return files
    .toSorted((one, other) => (one.path < other.path ? -1 : 1))
    .map(({ path, content }) => `${createHash('md5').update(content).digest('hex')}  ${path}\n`)
    .join('');
}
