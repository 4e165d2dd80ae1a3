import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Facts, textsIn } from './facts.ts';
import { layOut } from './lay-out.ts';
import { commonFiles, DOCUMENTS, EXTENSION_PATH, packageFile } from './package-files.ts';

export interface RpmPackage {
  readonly facts: Facts;
  readonly binary: string;
  /** As rpm calls it. */
  readonly architecture: string;
  /** Folder. */
  readonly to: string;
  /** `w9.zstdio`, or `w0.ufdio`, which compresses nothing and is quick. */
  readonly compression: string;
}

/** Makes an RPM of the executable with rpmbuild: the same files as Debian's package, and the same scripts. */
export function makeRpm({ facts, binary, architecture, to, compression }: RpmPackage): string {
  const work = mkdtempSync(join(tmpdir(), 'bro-osquery-rpm-'));
  try {
    const tree = join(work, 'tree');
    layOut(tree, [
      packageFile(EXTENSION_PATH, readFileSync(binary), 0o755),
      packageFile(`${DOCUMENTS}/LICENSE`, facts.license),
      packageFile(`${DOCUMENTS}/CHANGELOG.md`, facts.changelog),
      ...commonFiles(facts),
    ]);
    const spec = join(work, 'bro-osquery.spec');
    writeFileSync(spec, specOf(facts, tree));
    mkdirSync(join(work, 'made'));
    const macros = {
      _topdir: join(work, 'top'),
      _rpmdir: join(work, 'made'),
      _rpmfilename: 'made.rpm',
      _binary_payload: compression,
      // The same sources make the same package.
      _buildhost: 'localhost',
      use_source_date_epoch_as_buildtime: '1',
      clamp_mtime_to_source_date_epoch: '1',
      // Without its symbols the binary no longer finds the program inside it.
      __os_install_post: '%{nil}',
      _build_id_links: 'none',
      debug_package: '%{nil}',
    };
    const defines = Object.entries(macros).flatMap(([name, value]) => ['--define', `${name} ${value}`]);
    execFileSync('rpmbuild', ['-bb', '--target', `${architecture}-linux`, ...defines, spec], {
      env: {
        ...process.env,
        SOURCE_DATE_EPOCH: String(Math.floor(facts.date.getTime() / 1_000)),
        LC_ALL: 'C',
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const made = join(to, `bro-osquery-${facts.version}-1.${architecture}.rpm`);
    writeFileSync(made, readFileSync(join(work, 'made/made.rpm')));
    return made;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The scripts are Debian's, called with the words that dpkg would use. */
function specOf({ version, license: _, ...facts }: Facts, tree: string): string {
  const debian = textsIn(join(import.meta.dirname, 'debian'));
  const script = (name: string, word: string) =>
    `set -- ${word}\n${debian.get(name) ?? ''}`.replaceAll('%', '%%');
  return `Name: bro-osquery
Version: ${version}
Release: 1
Summary: Make this osquery host a live sensor of the network monitor Zeek
License: BSD-3-Clause
Group: System Environment/Daemons
Packager: ${facts.maintainer}
AutoReq: yes
AutoProv: no

%description
An extension of osqueryd that joins the host to one or more Zeeks (formerly
Bros): Zeek scripts subscribe to SQL, osquery runs it, and each row that comes
or goes arrives in Zeek as an event. Rows wait on disk until their Zeek has
confirmed them.

%install
mkdir -p %{buildroot}
cp -a ${tree}/. %{buildroot}/

%post
${script('postinst', 'configure')}
%preun
# 0 versions are left after a removal, 1 after an upgrade.
if [ "$1" -gt 0 ]; then exit 0; fi
${script('prerm', 'remove')}
%files
%defattr(-,root,root,-)
%dir %attr(0755,root,root) /usr/lib/osquery
%dir %attr(0755,root,root) /usr/lib/osquery/extensions
%attr(0755,root,root) /${EXTENSION_PATH}
/usr/bin/bro-osquery
%doc /${DOCUMENTS}
/usr/share/man/man1/*
/usr/share/man/man7/*
`;
}
