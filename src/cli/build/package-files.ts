/** A file of the Debian package, its path from the root of the file system. */
export interface PackageFile {
  readonly path: string;
  readonly content: string;
  readonly mode: number;
  readonly gzip: boolean;
}

export interface PackageFacts {
  readonly version: string;
  /** As dpkg calls it. */
  readonly architecture: string;
  /** Of what is installed, in KiB. */
  readonly size: number;
}

const DOCUMENTS = 'usr/share/doc/bro-osquery';

/** All files of the package but the binary. */
export function packageFiles({ version, architecture, size }: PackageFacts): readonly PackageFile[] {
  const text = (path: string, content: string, mode = 0o644): PackageFile => ({
    path,
    content,
    mode,
    gzip: false,
  });
  const zipped = (path: string, content: string): PackageFile => ({ path, content, mode: 0o644, gzip: true });
  return [
    text('DEBIAN/control', control(version, architecture, size)),
    text('DEBIAN/postinst', POSTINST, 0o755),
    text('DEBIAN/prerm', PRERM, 0o755),
    text('DEBIAN/postrm', POSTRM, 0o755),
    text(`${DOCUMENTS}/copyright`, COPYRIGHT),
    zipped(
      `${DOCUMENTS}/changelog.gz`,
      `bro-osquery (${version}) stable; urgency=medium\n\n  * See the repository's history.\n\n -- bro-osquery maintainers <maintainers@localhost>  Thu, 01 Jan 1970 00:00:00 +0000\n`,
    ),
    text(`${DOCUMENTS}/examples/osquery.conf`, EXAMPLE_CONFIG),
    text(`${DOCUMENTS}/examples/osquery.flags`, EXAMPLE_FLAGS),
    zipped('usr/share/man/man1/bro-osquery.1.gz', manual(version)),
  ];
}

function control(version: string, architecture: string, size: number): string {
  return `Package: bro-osquery
Version: ${version}
Architecture: ${architecture}
Maintainer: bro-osquery maintainers <maintainers@localhost>
Installed-Size: ${size}
Depends: libc6, libstdc++6
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

const LOAD = '/etc/osquery/extensions.load';
const EXTENSION = '/usr/lib/osquery/extensions/bro-osquery.ext';

/** Other extensions' lines stay as they are, and ours is there once however often this runs. */
const POSTINST = `#!/bin/sh
set -e
if [ "$1" = configure ]; then
  load="\${DPKG_ROOT:-}${LOAD}"
  mkdir -p "\${load%/*}"
  if ! grep -qxF '${EXTENSION}' "$load" 2>/dev/null; then
    if [ -s "$load" ] && [ -n "$(tail -c 1 "$load")" ]; then echo >> "$load"; fi
    echo '${EXTENSION}' >> "$load"
  fi
fi
`;

const PRERM = `#!/bin/sh
set -e
load="\${DPKG_ROOT:-}${LOAD}"
if [ "$1" = remove ] && [ -f "$load" ]; then
  rest=$(grep -vxF '${EXTENSION}' "$load" || true)
  if [ -n "$rest" ]; then printf '%s\\n' "$rest" > "$load"; else rm -f "$load"; fi
  rmdir "\${load%/*}" 2>/dev/null || true
fi
`;

const POSTRM = `#!/bin/sh
set -e
if [ "$1" = purge ]; then
  rm -rf "\${DPKG_ROOT:-}/var/osquery/bro-osquery"
  rmdir "\${DPKG_ROOT:-}/var/osquery" 2>/dev/null || true
fi
`;

const COPYRIGHT = `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: bro-osquery

Files: *
Copyright: the authors of bro-osquery
License: BSD-3-Clause
 On Debian systems the text of the license is in
 /usr/share/common-licenses/BSD. The binary holds Node.js and the packages of
 its lock file, each under its own license.
`;

const EXAMPLE_CONFIG = `{
  // The Zeeks to join; an address is all that is needed.
  "bro": {
    "bro_endpoint": "zeek.example.com:9999",
    "groups": ["servers"]
  }
}
`;

const EXAMPLE_FLAGS = `--extensions_autoload=${LOAD}
--extensions_timeout=30
--logger_plugin=bro,filesystem
--logger_event_type=false
`;

function manual(version: string): string {
  return `.TH BRO-OSQUERY 1 "" "bro-osquery ${version}" "User Commands"
.SH NAME
bro-osquery \\- make this osquery host a live sensor of the network monitor Zeek
.SH SYNOPSIS
.B bro-osquery
.RI [ command ]
.RI [ options ]
.SH DESCRIPTION
An extension of osqueryd. osqueryd starts it by way of
.I ${LOAD}
and it is configured under the key
.B bro
of osquery's own configuration; see the examples in
.IR /${DOCUMENTS}/examples .
.SH COMMANDS
.TP
.B extension
join this host to its Zeeks, as osqueryd does by itself
.TP
.B bro
take the place of a Zeek, to try a deployment
.TP
.B replay
tell what happened, out of an event log
.TP
.B log
verify or repair an event log
.PP
.B bro-osquery help
.I command
tells the options of each.
.SH FILES
.TP
.I /var/osquery/bro-osquery
event log, journal and cursors
`;
}
