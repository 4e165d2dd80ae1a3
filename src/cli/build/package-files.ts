import { gzipSync } from 'node:zlib';
import type { Facts } from './facts.ts';
import { manualPage } from './manual-page.ts';
import { roffPage } from './roff.ts';

/** A file of a package, its path from the root of the file system. */
export interface PackageFile {
  readonly path: string;
  readonly content: string | Buffer;
  readonly mode: number;
}

/** Where osqueryd loads it from. */
export const EXTENSION_PATH = 'usr/lib/osquery/extensions/bro-osquery.ext';

/** The list that names it to osqueryd. */
export const DOCUMENTS = 'usr/share/doc/bro-osquery';

export function packageFile(path: string, content: string | Buffer, mode = 0o644): PackageFile {
  return { path, content, mode };
}

/** A document as distributions have it; Node puts no time into what it compresses. */
export function compressed(path: string, content: string): PackageFile {
  return packageFile(`${path}.gz`, gzipSync(content, { level: 9 }));
}

/** What every package for Linux installs beside the executable, but for its copyright and changelog. */
export function commonFiles(facts: Facts): readonly PackageFile[] {
  return [
    compressed(`${DOCUMENTS}/third-party.txt`, facts.thirdParty),
    packageFile(`${DOCUMENTS}/examples/osquery.flags`, FLAGS),
    packageFile('usr/lib/systemd/system/bro-osquery-gateway.service', GATEWAY_UNIT),
    ...[...facts.examples].map(([name, content]) => packageFile(`${DOCUMENTS}/examples/${name}`, content)),
    compressed('usr/share/man/man1/bro-osquery.1', manualPage(facts)),
    ...Object.entries(facts.manual).map(([topic, markdown]) =>
      compressed(`usr/share/man/man7/bro-osquery-${topic}.7`, roffPage(topic, markdown, facts)),
    ),
  ];
}

/** The flags that osqueryd needs, as `setup` writes them. */
const FLAGS = `--extensions_autoload=/etc/osquery/extensions.load
--extensions_timeout=30
--logger_plugin=bro,filesystem
--logger_event_type=false
`;

/** For machines that are to be gateways; installed, not enabled. */
const GATEWAY_UNIT = `[Unit]
Description=Gateway between osquery hosts and a Zeek
Documentation=man:bro-osquery-gateway(7)
After=network-online.target
Wants=network-online.target

[Service]
ExecStart=/${EXTENSION_PATH} gateway --config /etc/bro-osquery/gateway.json
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=1
DynamicUser=yes
StateDirectory=bro-osquery-gateway
LogsDirectory=bro-osquery
LimitNOFILE=65536
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateDevices=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX

[Install]
WantedBy=multi-user.target
`;
