import { existsSync } from 'node:fs';
import { columns, type Table, type TableRow } from '../sql/table.ts';
import { bootTime, processIds, readLink, readText } from './proc.ts';

/** Clock ticks a second (USER_HZ), 100 on every Linux that osquery runs on. */
const TICKS = 100;

/** osquery's `processes`, from /proc (specs/processes.table of osquery 5). */
export const processes: Table = {
  name: 'processes',
  attributes: 2,
  columns: columns(
    'pid BIGINT index optimized',
    'name TEXT',
    'path TEXT',
    'cmdline TEXT',
    'state TEXT',
    'cwd TEXT',
    'root TEXT',
    'uid BIGINT',
    'gid BIGINT',
    'euid BIGINT',
    'egid BIGINT',
    'suid BIGINT',
    'sgid BIGINT',
    'on_disk INTEGER',
    'wired_size BIGINT',
    'resident_size BIGINT',
    'total_size BIGINT',
    'user_time BIGINT',
    'system_time BIGINT',
    'disk_bytes_read BIGINT',
    'disk_bytes_written BIGINT',
    'start_time BIGINT',
    'parent BIGINT',
    'pgroup BIGINT',
    'threads INTEGER',
    'nice INTEGER',
    'elevated_token INTEGER hidden',
    'secure_process INTEGER hidden',
    'protection_type TEXT hidden',
    'virtual_process INTEGER hidden',
    'elapsed_time BIGINT hidden',
    'handle_count BIGINT hidden',
    'percent_processor_time BIGINT hidden',
    'upid BIGINT hidden',
    'uppid BIGINT hidden',
    'cpu_type INTEGER hidden',
    'cpu_subtype INTEGER hidden',
    'translated INTEGER hidden',
    'cgroup_path TEXT',
  ),
  generate: ({ used, constraints }) => {
    const wanted = constraints.get('pid')?.find((constraint) => constraint.op === 2);
    const pids = wanted ? [Number(wanted.expr)].filter(Number.isInteger) : processIds();
    const boot = used.has('start_time') ? bootTime() : 0;
    return pids.map((pid) => processRow(pid, boot, used)).filter((row) => row !== undefined);
  },
};

function processRow(pid: number, boot: number, used: ReadonlySet<string>): TableRow | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  const status = readText(`/proc/${pid}/status`);
  if (stat === undefined || status === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const facts = new Map(
    status.split('\n').map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
    }),
  );
  const uids = (facts.get('Uid') ?? '').split(/\s+/);
  const gids = (facts.get('Gid') ?? '').split(/\s+/);
  const wantsPath = used.has('path') || used.has('on_disk');
  // The kernel says of a program that is gone that it is.
  const path = wantsPath ? readLink(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, '') : '';
  const wantsIo = used.has('disk_bytes_read') || used.has('disk_bytes_written');
  return {
    pid,
    name: facts.get('Name') ?? '',
    path,
    cmdline: used.has('cmdline') ? commandLine(pid) : '',
    state: fields[0] ?? '',
    cwd: used.has('cwd') ? readLink(`/proc/${pid}/cwd`) : '',
    root: used.has('root') ? readLink(`/proc/${pid}/root`) : '',
    uid: uids[0],
    gid: gids[0],
    euid: uids[1],
    egid: gids[1],
    suid: uids[2],
    sgid: gids[2],
    on_disk: wantsPath ? onDisk(path) : -1,
    wired_size: 0,
    resident_size: kilobytes(facts.get('VmRSS')),
    total_size: kilobytes(facts.get('VmSize')),
    user_time: ticksToMs(fields[11]),
    system_time: ticksToMs(fields[12]),
    ...(wantsIo ? diskBytes(pid) : {}),
    start_time: boot + Math.floor(Number(fields[19] ?? 0) / TICKS),
    parent: fields[1],
    pgroup: fields[2],
    threads: fields[17],
    nice: fields[16],
    cgroup_path: used.has('cgroup_path') ? cgroupPath(pid) : '',
  };
}

function commandLine(pid: number): string {
  return (readText(`/proc/${pid}/cmdline`) ?? '').replaceAll('\0', ' ').trim();
}

function onDisk(path: string): number {
  if (path === '') return -1;
  return existsSync(path) ? 1 : 0;
}

function kilobytes(text: string | undefined): number {
  return Number.parseInt(text ?? '0', 10) * 1024;
}

function ticksToMs(ticks: string | undefined): number {
  return Math.floor((Number(ticks ?? 0) * 1000) / TICKS);
}

function diskBytes(pid: number): TableRow {
  const io = readText(`/proc/${pid}/io`) ?? '';
  const value = (name: string) => BigInt(new RegExp(`^${name}: (\\d+)`, 'm').exec(io)?.[1] ?? 0);
  return {
    disk_bytes_read: value('read_bytes'),
    disk_bytes_written: value('write_bytes') - value('cancelled_write_bytes'),
  };
}

function cgroupPath(pid: number): string {
  return /^0::(.*)$/m.exec(readText(`/proc/${pid}/cgroup`) ?? '')?.[1] ?? '';
}
