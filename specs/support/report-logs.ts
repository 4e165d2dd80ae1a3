import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

/** The moment at which the made-up logs begin, in seconds since the epoch: 2026-11-28 12:00 UTC. */
export const BEGIN = 1_795_867_200;

/** What a host may say to get into a page. */
export const HOSTILE = `"'><img src=x onerror="document.title='owned'"></script><script>document.title='owned'</script>\u202eevil`;

export type Fields = Readonly<Record<string, string | number | readonly string[] | undefined>>;

/** Rows as Zeek writes them by default, each log with its header. */
export function tsv(path: string, rows: readonly Fields[]): string {
  const fields = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const head = [
    '#separator \\x09',
    '#set_separator\t,',
    '#empty_field\t(empty)',
    '#unset_field\t-',
    `#path\t${path}`,
    '#open\t2026-11-28-12-00-00',
    `#fields\t${fields.join('\t')}`,
    `#types\t${fields.map(() => 'string').join('\t')}`,
  ];
  const lines = rows.map((row) => fields.map((field) => cell(row[field])).join('\t'));
  return `${[...head, ...lines, '#close\t2026-11-28-13-00-00'].join('\n')}\n`;
}

function cell(value: Fields[string]): string {
  if (value === undefined) return '-';
  if (typeof value === 'object') return value.length === 0 ? '(empty)' : value.map(escaped).join(',');
  return value === '' ? '(empty)' : escaped(String(value));
}

function escaped(text: string): string {
  return text.replaceAll(/[\t\n,\\]|[^\x20-\x7e]/gu, (char) =>
    [...Buffer.from(char)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join(''),
  );
}

export function json(rows: readonly Fields[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}

const HOSTS = ['web-1', 'web-2', 'db-1', 'build-7', 'laptop-of-ann', HOSTILE];
const hid = (host: string) => `id-of-${HOSTS.indexOf(host)}`;

/** The logs of an hour in which something happens, by name. */
export function hourOfLogs(): Readonly<Record<string, readonly Fields[]>> {
  const ends = (side: string, host: string, process: string, user: string): Fields => ({
    [`${side}_hid`]: hid(host),
    [`${side}_hostname`]: host,
    [`${side}_process`]: process,
    [`${side}_user`]: user,
  });
  const conn = (
    minute: number,
    port: number,
    service: string,
    addresses: readonly [string, string],
    more: Fields,
  ): Fields => ({
    ts: BEGIN + minute * 60 + 0.25,
    'id.orig_h': addresses[0],
    'id.orig_p': 40_000 + minute,
    'id.resp_h': addresses[1],
    'id.resp_p': port,
    proto: 'tcp',
    service,
    orig_bytes: 1_000 * (minute + 1),
    resp_bytes: 2_500_000,
    ...more,
  });
  const minutes = Array.from({ length: 60 }, (_value, minute) => minute);
  return {
    conn: minutes.flatMap((minute) => [
      conn(minute, 5432, '', ['10.0.0.1', '10.0.0.3'], {
        ...ends('orig', 'web-1', 'gunicorn', 'www-data'),
        ...ends('resp', 'db-1', 'postgres', 'postgres'),
      }),
      conn(minute, 443, 'ssl', ['10.0.0.4', '198.51.100.7'], ends('orig', 'build-7', 'curl', 'ann')),
      ...(minute % 5 === 0
        ? [conn(minute, 22, 'ssh', ['203.0.113.9', '10.0.0.1'], ends('resp', 'web-1', 'sshd', 'root'))]
        : []),
      ...(minute === 30
        ? [conn(minute, 8080, 'http', ['10.0.0.9', '198.51.100.7'], ends('orig', HOSTILE, HOSTILE, HOSTILE))]
        : []),
      conn(minute, 53, 'dns', ['10.0.0.77', '10.0.0.53'], {}),
    ]),
    osquery: [
      ...HOSTS.map((host, at) => ({
        ts: BEGIN + at,
        source: 'osquery',
        peer: hid(host),
        level: 'info',
        message: `Host is ${host} (Debian GNU/Linux 12 (bookworm), 10.0.0.${at + 1} fe80::${at + 1}), agent 0.2.0`,
      })),
      {
        ts: BEGIN + 9,
        source: 'osquery',
        peer: '/bro/osquery/hosts',
        level: 'debug',
        message: 'Subscribing',
      },
      {
        ts: BEGIN + 3000,
        source: 'osquery',
        peer: hid('build-7'),
        level: 'info',
        message: 'Host disconnected (it ended in good order)',
      },
    ],
    notice: [
      ...minutes
        .filter((minute) => minute % 7 === 3)
        .map((minute) => ({
          ts: BEGIN + minute * 60,
          note: 'osquery::watch::New_Listener',
          msg: `web-1: nc listens on port ${4000 + minute}`,
          sub: '/usr/bin/nc',
          hid: hid('web-1'),
          hostname: 'web-1',
          pid: 300 + minute,
          process: 'nc',
          user: 'www-data',
          since: BEGIN + minute * 60 - 5,
          techniques: ['T1571', 'T1059'],
        })),
      {
        ts: BEGIN + 1800,
        note: 'osquery::hops::Hop',
        msg: HOSTILE,
        sub: HOSTILE,
        hid: hid(HOSTILE),
        hostname: HOSTILE,
      },
      { ts: BEGIN + 2400, note: 'Scan::Port_Scan', msg: '203.0.113.9 scanned', src: '203.0.113.9' },
    ],
    'osq-listening-ports': [
      ...HOSTS.map((host) => listening(BEGIN + 5, host, 22, 'sshd', 'root', 'new')),
      listening(BEGIN + 1200, 'web-1', 4010, 'nc', 'www-data', 'new'),
      listening(BEGIN + 1500, 'web-1', 4010, 'nc', 'www-data', 'gone'),
      listening(BEGIN + 1900, HOSTILE, 31_337, HOSTILE, HOSTILE, 'new'),
      // The host's extension began anew and tells everything again.
      listening(BEGIN + 2000, 'web-2', 22, 'sshd', 'root', 'new'),
    ],
    'osq-hops': [
      hop('chain-1', 1, '203.0.113.9', 'web-1', 'db-1', BEGIN + 1300),
      hop('chain-1', 2, 'web-1', 'db-1', 'build-7', BEGIN + 1400),
      hop('chain-2', 1, 'laptop-of-ann', HOSTILE, 'web-2', BEGIN + 1800),
    ],
  };
}

function listening(
  ts: number,
  host: string,
  port: number,
  process: string,
  user: string,
  change: string,
): Fields {
  return {
    ts,
    hid: hid(host),
    hostname: host,
    change,
    pid: 77,
    local_port: port,
    protocol: 6,
    address: '0.0.0.0',
    local_p: `${port}/tcp`,
    process,
    user,
  };
}

function hop(chain: string, depth: number, from: string, via: string, to: string, ts: number): Fields {
  return {
    ts,
    chain,
    depth,
    from_h: '10.9.9.9',
    from_hostname: from,
    via_hid: hid(via),
    via_hostname: via,
    to_h: '10.9.9.8',
    to_hostname: to,
    service: 'ssh',
    process: 'ssh',
    pid: 500 + depth,
    user: 'root',
  };
}

/** Writes the logs as a Zeek with zeekctl leaves them: the first half rotated and compressed, the rest as it is now. */
export function writeLogs(folder: string, format: 'tsv' | 'json', logs = hourOfLogs()): void {
  const archive = join(folder, '2026-11-28');
  const current = join(folder, 'current');
  for (const made of [archive, current]) mkdirSync(made, { recursive: true });
  for (const [name, rows] of Object.entries(logs)) {
    const text = (part: readonly Fields[]) => (format === 'tsv' ? tsv(name, part) : json(part));
    const half = Math.floor(rows.length / 2);
    writeFileSync(join(archive, `${name}.12:00:00-12:30:00.log.gz`), gzipSync(text(rows.slice(0, half))));
    writeFileSync(join(current, `${name}.log`), text(rows.slice(half)));
  }
}
