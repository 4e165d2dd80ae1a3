/** Rows as osquery has them on an ordinary host, by kind, and the query that they are of. */
export interface RowKind {
  readonly name: string;
  /** Never has a row of itself. */
  readonly sql: string;
  row(n: number): Readonly<Record<string, string>>;
}

const COMMANDS = [
  '/usr/sbin/sshd -D',
  '/usr/bin/dbus-daemon --system --address=systemd: --nofork --nopidfile --systemd-activation',
  '/usr/lib/postgresql/15/bin/postgres -D /var/lib/postgresql/15/main -c config_file=/etc/postgresql.conf',
  'python3 /opt/worker/run.py --queue default --concurrency 4 --log-level info',
];

const processes: RowKind = {
  name: 'processes, 8 columns',
  sql: 'SELECT pid, name, path, cmdline, uid, gid, parent, start_time FROM processes WHERE 0',
  row: (n) => ({
    pid: String(1000 + n),
    name: `worker-${n % 17}`,
    path: '/usr/lib/systemd/systemd-journald',
    cmdline: COMMANDS[n % COMMANDS.length] ?? '',
    uid: String(n % 3 === 0 ? 0 : 1000),
    gid: String(n % 3 === 0 ? 0 : 1000),
    parent: '1',
    start_time: String(1_795_496_678 + n),
  }),
};

const sockets: RowKind = {
  name: 'sockets, 10 columns',
  sql: 'SELECT pid, fd, socket, family, protocol, local_address, local_port, remote_address, remote_port, state FROM process_open_sockets WHERE 0',
  row: (n) => ({
    pid: String(1000 + n),
    fd: String(n % 64),
    socket: String(48_000_000 + n),
    family: '2',
    protocol: '6',
    local_address: '10.20.30.40',
    local_port: String(32_768 + (n % 28_000)),
    remote_address: `192.0.2.${n % 255}`,
    remote_port: '443',
    state: 'ESTABLISHED',
  }),
};

const longCommand: RowKind = {
  name: 'command lines of 1 kB',
  sql: 'SELECT pid, path, cmdline FROM processes WHERE 1 = 0',
  row: (n) => ({
    pid: String(n),
    path: '/usr/lib/jvm/java-17-openjdk-amd64/bin/java',
    cmdline: `java ${'-Dorg.example.setting.of.some.kind=value '.repeat(24)}-jar app-${n}.jar`,
  }),
};

const escapes: RowKind = {
  name: 'escapes and other letters',
  sql: "SELECT pid, name, path, cmdline FROM processes WHERE pid < 0 AND name = 'x'",
  row: (n) => ({
    pid: String(n),
    name: `größe-${n}-価格`,
    path: 'C:\\Program Files\\Example "Suite"\\run.exe',
    cmdline: `sh -c "printf 'a\tb\\n' | sed s/\\x0Aline/${n}/"`,
  }),
};

const WIDE = Array.from({ length: 24 }, (_, at) => `column_${at}`);
const manyColumns: RowKind = {
  name: '24 columns',
  sql: `SELECT ${WIDE.map((name, at) => (at % 2 === 0 ? `pid AS ${name}` : `name AS ${name}`)).join(', ')} FROM processes WHERE 0`,
  row: (n) =>
    Object.fromEntries(
      WIDE.map((name, at) => [name, at % 2 === 0 ? String(n * at) : `value ${n % 100} of ${at}`]),
    ),
};

export const PROCESSES: RowKind = processes;
export const ROW_KINDS: readonly RowKind[] = [processes, sockets, longCommand, escapes, manyColumns];

const head = (name: string) => ({
  ...{ name, hostIdentifier: '4C4C4544-0038-3510-8053-B4C04F4D4E32' },
  ...{ calendarTime: 'Sat Nov 28 12:00:00 2026 UTC', unixTime: 1_795_867_200, epoch: 0, counter: 7 },
  numerics: false,
});

/** osquery writes columns by name (5.23.1). */
function written(row: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(row).sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** A line of the batch format, as osquery writes it. */
export function batchOf(name: string, kind: RowKind, rows: number): Buffer {
  const added = Array.from({ length: rows }, (_, n) => written(kind.row(n)));
  return Buffer.from(JSON.stringify({ diffResults: { removed: [], added }, ...head(name) }));
}

/** Lines of the event format, a row each. */
export function eventsOf(name: string, kind: RowKind, rows: number): Buffer[] {
  return Array.from({ length: rows }, (_, n) =>
    Buffer.from(JSON.stringify({ ...head(name), columns: written(kind.row(n)), action: 'added' })),
  );
}
