import { manualPage } from './manual-page.ts';

/** A file of the Debian package, its path from the root of the file system. */
export interface PackageFile {
  readonly path: string;
  readonly content: string;
  readonly mode: number;
  /** Debian's policy has documents compressed. */
  readonly gzip: boolean;
}

export interface PackageFacts {
  readonly version: string;
  /** As dpkg calls it. */
  readonly architecture: string;
  /** Of what is installed, in KiB. */
  readonly size: number;
  /** `Name <address>` */
  readonly maintainer: string;
  /** Of the sources, for the changelog. */
  readonly date: Date;
  /** What `help` says: of the program itself under an empty name, and of each command. */
  readonly help: ReadonlyMap<string, string>;
  /** The files of src/cli/build/debian by name. */
  readonly debian: ReadonlyMap<string, string>;
  /** Example configurations by file name. */
  readonly examples: ReadonlyMap<string, string>;
  /** The licenses of everything in the binary that is not ours. */
  readonly thirdParty: string;
}

/** Where osqueryd loads it from. */
export const EXTENSION_PATH = 'usr/lib/osquery/extensions/bro-osquery.ext';

const DOCUMENTS = 'usr/share/doc/bro-osquery';

/** All files of the package but the binary and the list of checksums. */
export function packageFiles(facts: PackageFacts): readonly PackageFile[] {
  const file = (path: string, content: string, { mode = 0o644, gzip = false } = {}): PackageFile => ({
    path,
    content,
    mode,
    gzip,
  });
  const debian = (name: string): string => {
    const content = facts.debian.get(name);
    if (content === undefined) throw new Error(`src/cli/build/debian has no ${name}`);
    return content;
  };
  return [
    file('DEBIAN/control', control(facts)),
    ...['postinst', 'prerm', 'postrm'].map((name) => file(`DEBIAN/${name}`, debian(name), { mode: 0o755 })),
    file('usr/share/lintian/overrides/bro-osquery', debian('lintian-overrides')),
    file(`${DOCUMENTS}/copyright`, debian('copyright')),
    file(`${DOCUMENTS}/third-party.txt.gz`, facts.thirdParty, { gzip: true }),
    file(`${DOCUMENTS}/changelog.Debian.gz`, changelog(facts), { gzip: true }),
    file(`${DOCUMENTS}/examples/osquery.flags`, debian('osquery.flags')),
    ...[...facts.examples].map(([name, content]) => file(`${DOCUMENTS}/examples/${name}`, content)),
    file('usr/share/man/man1/bro-osquery.1.gz', manualPage(facts), { gzip: true }),
  ];
}

/** The revision after the hyphen is that of the packaging. */
export function debianVersion(version: string): string {
  return `${version}-1`;
}

/** The libraries are what Node's own binary is linked with, the versions those of its symbols. */
function control({ version, architecture, size, maintainer }: PackageFacts): string {
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

function changelog({ version, maintainer, date }: PackageFacts): string {
  return `bro-osquery (${debianVersion(version)}) stable; urgency=medium

  * Version ${version}.

 -- ${maintainer}  ${date.toUTCString().replace('GMT', '+0000')}
`;
}
