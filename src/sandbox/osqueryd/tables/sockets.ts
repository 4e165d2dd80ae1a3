import { columns, type Table, type TableRow } from '../sql/table.ts';
import { listDirectory, processIds, readLink, readText } from './proc.ts';

const FAMILY = { unix: 1, inet: 2, inet6: 10 } as const;
const PROTOCOL = { icmp: 1, tcp: 6, udp: 17, udplite: 136, raw: 255 } as const;

/** States of /proc/net/tcp by number (include/net/tcp_states.h). */
const TCP_STATES = [
  'UNKNOWN',
  'ESTABLISHED',
  'SYN_SENT',
  'SYN_RECV',
  'FIN_WAIT1',
  'FIN_WAIT2',
  'TIME_WAIT',
  'CLOSED',
  'CLOSE_WAIT',
  'LAST_ACK',
  'LISTEN',
  'CLOSING',
] as const;

interface Socket {
  readonly inode: string;
  readonly family: number;
  readonly protocol: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly path: string;
  readonly state: string;
}

/** osquery's `process_open_sockets`: sockets of /proc/net joined with the descriptors that hold them. */
export const processOpenSockets: Table = {
  name: 'process_open_sockets',
  columns: columns(
    'pid INTEGER additional',
    'fd BIGINT',
    'socket BIGINT',
    'family INTEGER',
    'protocol INTEGER',
    'local_address TEXT',
    'remote_address TEXT',
    'local_port INTEGER',
    'remote_port INTEGER',
    'path TEXT',
    'state TEXT',
    'net_namespace TEXT',
  ),
  generate: ({ constraints }) => {
    const wanted = constraints.get('pid')?.find((constraint) => constraint.op === 2);
    return openSockets(wanted ? Number(wanted.expr) : undefined);
  },
};

/** osquery's `listening_ports`: named unix sockets and sockets without a remote port. */
export const listeningPorts: Table = {
  name: 'listening_ports',
  attributes: 2,
  columns: columns(
    'pid INTEGER',
    'port INTEGER',
    'protocol INTEGER',
    'family INTEGER',
    'address TEXT',
    'fd BIGINT',
    'socket BIGINT',
    'path TEXT',
    'net_namespace TEXT',
  ),
  generate: () =>
    openSockets(undefined).flatMap((row): TableRow[] => {
      const { pid, fd, protocol, family, net_namespace } = row;
      if (family === FAMILY.unix) {
        return row['path'] === ''
          ? []
          : [{ pid, port: 0, protocol, family, fd, socket: 0, path: row['path'], net_namespace }];
      }
      if (row['remote_port'] !== 0) return [];
      return [
        {
          pid,
          port: row['local_port'],
          protocol,
          family,
          address: row['local_address'],
          fd,
          socket: row['socket'],
          net_namespace,
        },
      ];
    }),
};

interface SocketRow extends TableRow {
  readonly pid: number;
  readonly fd: string | number;
  readonly protocol: number;
  readonly family: number;
  readonly net_namespace: string;
}

function openSockets(onlyPid: number | undefined): SocketRow[] {
  const rows: SocketRow[] = [];
  const byNamespace = new Map<string, Map<string, Socket>>();
  const owned = new Set<string>();
  for (const pid of onlyPid === undefined ? processIds() : [onlyPid]) {
    const namespace = /^net:\[(\d+)\]$/.exec(readLink(`/proc/${pid}/ns/net`))?.[1];
    if (namespace === undefined) continue;
    const sockets = byNamespace.get(namespace) ?? readSockets(pid);
    byNamespace.set(namespace, sockets);
    for (const fd of listDirectory(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(readLink(`/proc/${pid}/fd/${fd}`))?.[1];
      const socket = inode === undefined ? undefined : sockets.get(inode);
      if (inode === undefined || socket === undefined) continue;
      owned.add(`${namespace}:${inode}`);
      rows.push(toRow(pid, fd, namespace, socket));
    }
  }
  if (onlyPid !== undefined) return rows;
  // Sockets that no process holds (TIME_WAIT, of other users): pid and descriptor -1.
  for (const [namespace, sockets] of byNamespace) {
    for (const [inode, socket] of sockets) {
      if (!owned.has(`${namespace}:${inode}`)) rows.push(toRow(-1, '-1', namespace, socket));
    }
  }
  return rows;
}

function toRow(pid: number, fd: string, namespace: string, socket: Socket): SocketRow {
  return {
    pid,
    fd,
    socket: socket.inode,
    family: socket.family,
    protocol: socket.protocol,
    local_address: socket.localAddress,
    remote_address: socket.remoteAddress,
    local_port: socket.localPort,
    remote_port: socket.remotePort,
    path: socket.path,
    state: socket.state,
    net_namespace: namespace,
  };
}

/** The sockets of the network namespace that the process is in, by inode. */
function readSockets(pid: number): Map<string, Socket> {
  const sockets = new Map<string, Socket>();
  for (const [name, protocol] of Object.entries(PROTOCOL)) {
    for (const [suffix, family] of [['', FAMILY.inet] as const, ['6', FAMILY.inet6] as const]) {
      for (const line of lines(`/proc/${pid}/net/${name}${suffix}`)) {
        const socket = inetSocket(line, family, protocol);
        if (socket) sockets.set(socket.inode === '0' ? `0:${sockets.size}` : socket.inode, socket);
      }
    }
  }
  for (const line of lines(`/proc/${pid}/net/unix`)) {
    const fields = line.trim().split(/\s+/);
    const inode = fields[6];
    if (inode !== undefined) sockets.set(inode, unixSocket(inode, fields));
  }
  return sockets;
}

function lines(path: string): string[] {
  return (readText(path) ?? '')
    .split('\n')
    .slice(1)
    .filter((line) => line !== '');
}

function inetSocket(line: string, family: number, protocol: number): Socket | undefined {
  const fields = line.trim().split(/\s+/);
  const [local, remote, state, inode] = [fields[1], fields[2], fields[3], fields[9]];
  if (!local || !remote || inode === undefined) return undefined;
  return {
    inode,
    family,
    protocol,
    ...endpoint('local', local),
    ...endpoint('remote', remote),
    path: '',
    state: protocol === PROTOCOL.tcp ? (TCP_STATES[Number.parseInt(state ?? '0', 16)] ?? 'UNKNOWN') : '',
  } as Socket;
}

function endpoint(side: 'local' | 'remote', text: string): Record<string, string | number> {
  const [address = '', port = '0'] = text.split(':');
  return { [`${side}Address`]: hexAddress(address), [`${side}Port`]: Number.parseInt(port, 16) };
}

function unixSocket(inode: string, fields: readonly string[]): Socket {
  const none = { localAddress: '', localPort: 0, remoteAddress: '', remotePort: 0 };
  const protocol = Number.parseInt(fields[2] ?? '0', 10);
  return { inode, family: FAMILY.unix, protocol, ...none, path: fields[7] ?? '', state: '' };
}

/** An address of /proc/net: words of four bytes, each in the machine's order. */
export function hexAddress(hex: string): string {
  const bytes = Buffer.from(hex, 'hex');
  for (let at = 0; at + 4 <= bytes.length; at += 4) bytes.subarray(at, at + 4).reverse();
  if (bytes.length === 4) return [...bytes].join('.');
  if (bytes.length !== 16) return '';
  if (bytes.subarray(0, 10).every((byte) => byte === 0) && bytes.readUInt16BE(10) === 0xffff) {
    return `::ffff:${[...bytes.subarray(12)].join('.')}`;
  }
  return compressIpv6(Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(at * 2).toString(16)));
}

/** The longest run of two zero groups or more becomes `::` (RFC 5952). */
function compressIpv6(groups: readonly string[]): string {
  const runs = [...groups.join(':').matchAll(/(?:^|:)(0(?::0)+)(?=:|$)/g)];
  const longest = runs.reduce(
    (best, run) => ((run[1] ?? '').length > best.length ? (run[1] ?? '') : best),
    '',
  );
  const text = groups.join(':');
  if (longest === '') return text;
  const at = text.search(new RegExp(`(?:^|:)${longest}(?=:|$)`));
  const start = text[at] === ':' ? at + 1 : at;
  return `${text.slice(0, start).replace(/:$/, '')}::${text.slice(start + longest.length).replace(/^:/, '')}`;
}
