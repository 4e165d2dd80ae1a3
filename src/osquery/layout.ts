/** Where osquery's own packages put things, by platform (its packages' files, `osquery.flags` and service units). */
export interface OsqueryLayout {
  readonly flagfile: string;
  readonly config: string;
  /** The list of extensions, `--extensions_autoload`. */
  readonly autoload: string;
  readonly socket: string;
  readonly logs: string;
  /** Where the one executable is to be. */
  readonly extension: string;
  /** Folder of our state, beside osquery's own. */
  readonly state: string;
  /** Folder of what `setup` makes: certificates, and copies of what it changed. */
  readonly setup: string;
  /** Files of the service that may name another flagfile or configuration (FLAG_FILE, CONFIG_FILE). */
  readonly service: readonly string[];
  /** What restarts osqueryd; its words for a shell. */
  readonly restart: readonly string[];
}

const LINUX: OsqueryLayout = {
  flagfile: '/etc/osquery/osquery.flags',
  config: '/etc/osquery/osquery.conf',
  autoload: '/etc/osquery/extensions.load',
  socket: '/var/osquery/osquery.em',
  logs: '/var/log/osquery',
  extension: '/usr/lib/osquery/extensions/bro-osquery.ext',
  state: '/var/osquery/bro-osquery',
  setup: '/etc/osquery/bro-osquery',
  service: ['/etc/default/osqueryd', '/etc/sysconfig/osqueryd'],
  restart: ['systemctl', 'restart', 'osqueryd'],
};

const MACOS: OsqueryLayout = {
  flagfile: '/private/var/osquery/osquery.flags',
  config: '/private/var/osquery/osquery.conf',
  autoload: '/private/var/osquery/extensions.load',
  socket: '/var/osquery/osquery.em',
  logs: '/var/log/osquery',
  extension: '/usr/local/lib/osquery/extensions/bro-osquery.ext',
  state: '/var/osquery/bro-osquery',
  setup: '/private/var/osquery/bro-osquery-setup',
  service: [],
  restart: ['launchctl', 'kickstart', '-k', 'system/io.osquery.agent'],
};

const WINDOWS_FOLDER = 'C:\\Program Files\\osquery';

const WINDOWS: OsqueryLayout = {
  flagfile: `${WINDOWS_FOLDER}\\osquery.flags`,
  config: `${WINDOWS_FOLDER}\\osquery.conf`,
  autoload: `${WINDOWS_FOLDER}\\extensions.load`,
  socket: '\\\\.\\pipe\\osquery.em',
  logs: `${WINDOWS_FOLDER}\\log`,
  extension: `${WINDOWS_FOLDER}\\extensions\\bro-osquery.ext.exe`,
  state: `${WINDOWS_FOLDER}\\bro-osquery`,
  setup: `${WINDOWS_FOLDER}\\bro-osquery-setup`,
  service: [],
  restart: ['powershell', '-Command', 'Restart-Service osqueryd'],
};

/** @param platform as Node's `process.platform` has it; any other system is taken for a Linux. */
export function osqueryLayout(platform: string): OsqueryLayout {
  if (platform === 'darwin') return MACOS;
  return platform === 'win32' ? WINDOWS : LINUX;
}
