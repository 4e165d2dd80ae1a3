import { arch, cpus, hostname, loadavg, machine, totalmem } from 'node:os';
import { columns, type Table } from '../sql/table.ts';
import { keyValues, readText } from './proc.ts';

/** osquery's `os_version`, from /etc/os-release. */
export const osVersion: Table = {
  name: 'os_version',
  columns: columns(
    'name TEXT',
    'version TEXT version',
    'major INTEGER',
    'minor INTEGER',
    'patch INTEGER',
    'build TEXT',
    'platform TEXT',
    'platform_like TEXT',
    'codename TEXT',
    'arch TEXT',
    'extra TEXT hidden',
    'install_date BIGINT hidden',
    'revision INTEGER hidden',
    'pid_with_namespace INTEGER additional hidden',
    'mount_namespace_id TEXT hidden',
  ),
  generate: () => {
    const facts = keyValues(readText('/etc/os-release') ?? readText('/usr/lib/os-release') ?? '');
    const [major = '0', minor = '0', patch = '0'] = (facts.get('VERSION_ID') ?? '').split('.');
    return [
      {
        name: facts.get('NAME') ?? 'Unknown',
        version: facts.get('VERSION') ?? '',
        major: major === '' ? '0' : major,
        minor,
        patch,
        build: facts.get('BUILD_ID') ?? '',
        platform: facts.get('ID') ?? 'posix',
        platform_like: facts.get('ID_LIKE') ?? '',
        codename: facts.get('VERSION_CODENAME') ?? '',
        arch: machine(),
        pid_with_namespace: 0,
      },
    ];
  },
};

/** osquery's `system_info`; `uuid` as {@link hostUuid} gives it. */
export function systemInfo(uuid: string): Table {
  return {
    name: 'system_info',
    columns: columns(
      'hostname TEXT',
      'uuid TEXT nocase',
      'cpu_type TEXT',
      'cpu_subtype TEXT',
      'cpu_brand TEXT',
      'cpu_physical_cores INTEGER',
      'cpu_logical_cores INTEGER',
      'cpu_sockets INTEGER',
      'cpu_microcode TEXT',
      'physical_memory BIGINT',
      'hardware_vendor TEXT',
      'hardware_model TEXT',
      'hardware_version TEXT',
      'hardware_serial TEXT',
      'board_vendor TEXT',
      'board_model TEXT',
      'board_version TEXT',
      'board_serial TEXT',
      'computer_name TEXT',
      'local_hostname TEXT',
      'emulated_cpu_type TEXT hidden',
    ),
    generate: () => {
      const cpu = readText('/proc/cpuinfo') ?? '';
      const logical = cpus().length;
      const siblings = Number(cpuFact(cpu, 'siblings') || 0);
      const cores = new Set(
        cpu.split('\n\n').map((core) => `${cpuFact(core, 'physical id')}/${cpuFact(core, 'core id')}`),
      );
      cores.delete('/');
      return [
        {
          hostname: hostname(),
          uuid,
          cpu_type: machine(),
          cpu_subtype: cpuFact(cpu, 'model') || '0',
          cpu_brand: arch() === 'x64' ? cpuFact(cpu, 'model name') : '',
          cpu_physical_cores: cores.size || logical,
          cpu_logical_cores: logical,
          cpu_sockets: siblings > 0 ? Math.floor(logical / siblings) : null,
          cpu_microcode: cpuFact(cpu, 'microcode'),
          physical_memory: totalmem(),
          hardware_vendor: dmi('sys_vendor'),
          hardware_model: dmi('product_name'),
          hardware_version: dmi('product_version'),
          hardware_serial: dmi('product_serial'),
          board_vendor: dmi('board_vendor'),
          board_model: dmi('board_name'),
          board_version: dmi('board_version'),
          board_serial: dmi('board_serial'),
          computer_name: hostname(),
          local_hostname: hostname(),
        },
      ];
    },
  };
}

/** osquery's `uptime`. */
export const uptime: Table = {
  name: 'uptime',
  columns: columns(
    'days INTEGER',
    'hours INTEGER',
    'minutes INTEGER',
    'seconds INTEGER',
    'total_seconds BIGINT',
  ),
  generate: () => {
    const total = Math.floor(Number((readText('/proc/uptime') ?? '0').split(' ')[0]));
    return [
      {
        days: Math.floor(total / 86400),
        hours: Math.floor(total / 3600) % 24,
        minutes: Math.floor(total / 60) % 60,
        seconds: total % 60,
        total_seconds: total,
      },
    ];
  },
};

/** osquery's `load_average`. */
export const loadAverage: Table = {
  name: 'load_average',
  columns: columns('period TEXT', 'average TEXT'),
  generate: () =>
    ['1m', '5m', '15m'].map((period, at) => ({ period, average: (loadavg()[at] ?? 0).toFixed(6) })),
};

/** The hardware's uuid, or the one that the stand-in keeps when the hardware doesn't tell. */
export function hostUuid(fallback: () => string): string {
  const uuid = dmi('product_uuid').toLowerCase();
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid) && !/^[0f-]+$/.test(uuid)
    ? uuid
    : fallback();
}

function cpuFact(text: string, name: string): string {
  return new RegExp(`^${name}\\s*:\\s*(.*)$`, 'm').exec(text)?.[1]?.trim() ?? '';
}

function dmi(name: string): string {
  return (readText(`/sys/class/dmi/id/${name}`) ?? '').trim();
}
