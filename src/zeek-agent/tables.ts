import type { ZeekType } from '../vocabulary/model.ts';

/**
 * The tables of Zeek Agent 2 (its README's table reference): what scripts written for it expect. A time is a whole
 * number of microseconds since the epoch within SQL, an interval one of nanoseconds, a set or a record a JSON array.
 */

export interface TableColumn {
  readonly name: string;
  readonly type: ZeekType;
  /** Text that may be unset: osquery gives NULL as the empty text, which then means that. */
  readonly emptyIsUnset?: true;
}

export interface Parameter {
  readonly name: string;
  /** Absent: it has to be given. */
  readonly fallback?: string;
}

export interface ZeekAgentTable {
  readonly name: string;
  /** In the order of `SELECT *`. */
  readonly columns: readonly TableColumn[];
  /** Of a table that is read like a function, `files_list('/etc/*')`. */
  readonly parameters?: readonly Parameter[];
}

/** Columns from `name type` texts; `?` after `string` where the empty text means unset. */
function columns(...specs: readonly string[]): TableColumn[] {
  return specs.map((spec) => {
    const [name = '', type = ''] = spec.split(' ');
    return type === 'string?'
      ? { name, type: 'string', emptyIsUnset: true }
      : { name, type: type as ZeekType & string };
  });
}

const PATTERN: Parameter = { name: 'pattern' };

/** Lines that `files_columns` passes over where it isn't told: comments, and empty ones. */
export const IGNORED_LINES = '^[ \\t]*([#;]|$)';

export const ZEEK_AGENT_TABLES: readonly ZeekAgentTable[] = [
  {
    name: 'files_columns',
    parameters: [
      PATTERN,
      { name: 'columns' },
      { name: 'separator', fallback: '' },
      { name: 'ignore', fallback: IGNORED_LINES },
    ],
    // What the record has is for the parameter `columns` to say.
    columns: [...columns('path string', 'number count'), { name: 'columns', type: { record: [] } }],
  },
  {
    name: 'files_lines',
    parameters: [PATTERN],
    columns: columns('path string', 'number count', 'content string'),
  },
  {
    name: 'files_list',
    parameters: [PATTERN],
    columns: columns(
      'path string',
      'type string?',
      'uid count',
      'gid count',
      'mode string?',
      'mtime time',
      'size count',
    ),
  },
  {
    name: 'processes',
    columns: columns(
      'name string',
      'pid count',
      'ppid count',
      'uid count',
      'gid count',
      'ruid count',
      'rgid count',
      'priority string?',
      'startup interval',
      'vsize count',
      'rsize count',
      'utime interval',
      'stime interval',
    ),
  },
  {
    name: 'processes_events',
    columns: columns(
      'time time',
      'name string?',
      'pid count',
      'ppid count',
      'uid count',
      'gid count',
      'ruid count',
      'rgid count',
      'priority string?',
      'duration interval',
      'vsize count',
      'rsize count',
      'utime interval',
      'stime interval',
      'state string?',
    ),
  },
  {
    name: 'sockets',
    columns: columns(
      'pid count',
      'process string?',
      'family string?',
      'protocol count',
      'local_addr addr',
      'local_port count',
      'remote_addr addr',
      'remote_port count',
      'state string?',
    ),
  },
  {
    name: 'sockets_events',
    columns: columns(
      'time time',
      'pid count',
      'process string?',
      'uid count',
      'gid count',
      'family string?',
      'protocol count',
      'local_addr addr',
      'local_port count',
      'remote_addr addr',
      'remote_port count',
      'state string?',
    ),
  },
  {
    name: 'system_logs_events',
    columns: columns('time time', 'process string?', 'level string?', 'message string?', 'eventid string?'),
  },
  {
    name: 'users',
    columns: columns(
      'name string',
      'full_name string',
      'is_admin bool',
      'is_system bool',
      'uid string?',
      'gid count',
      'home string',
      'shell string?',
      'email string?',
    ),
  },
  {
    name: 'zeek_agent',
    columns: [
      ...columns('id string', 'instance string', 'hostname string'),
      { name: 'addresses', type: { set: 'addr' } },
      ...columns(
        'platform string?',
        'os_name string?',
        'kernel_name string?',
        'kernel_version string?',
        'kernel_arch string?',
        'agent_version count',
        'broker string',
        'uptime interval',
      ),
      { name: 'tables', type: { set: 'string' } },
    ],
  },
];

/** Zeek Agent 1 had osquery's own tables, and this one, which its scripts subscribe to on each host. */
export const ZEEK_LOGGER: ZeekAgentTable = {
  name: 'zeek_logger',
  columns: columns('time int', 'severity string', 'message string'),
};

export function zeekAgentTable(name: string): ZeekAgentTable | undefined {
  return ZEEK_AGENT_TABLES.find((table) => table.name === name.toLowerCase());
}
