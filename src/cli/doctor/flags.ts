import type { OsqueryOption } from '../../osquery/manager-values.ts';
import { LAYOUT } from '../layout.ts';

/** osqueryd's flags as a running one says them, or as a flagfile would have them. */
export type Flags = ReadonlyMap<string, OsqueryOption>;

/** Where osqueryd has something of interest to us if no flag says otherwise (recorded from 5.23.1). */
const DEFAULTS: Readonly<Record<string, string>> = {
  audit_allow_accept_socket_events: 'false',
  audit_allow_config: 'false',
  audit_allow_process_events: 'true',
  audit_allow_sockets: 'false',
  config_path: LAYOUT.config,
  config_plugin: 'filesystem',
  disable_audit: 'true',
  disable_distributed: 'true',
  disable_extensions: 'false',
  disable_logging: 'false',
  extensions_autoload: LAYOUT.autoload,
  extensions_socket: LAYOUT.socket,
  extensions_timeout: '3',
  logger_event_type: 'true',
  logger_path: LAYOUT.logs,
  logger_plugin: 'filesystem',
  logger_rotate: 'false',
};

/** The flags of an osqueryd that starts with that flagfile: a flag a line, `#` begins a comment. */
export function flagsOfFile(text: string): Flags {
  const flags = new Map<string, OsqueryOption>();
  for (const [name, defaultValue] of Object.entries(DEFAULTS)) {
    flags.set(name, { value: defaultValue, defaultValue, type: 'string' });
  }
  for (const line of text.split('\n')) {
    const [, name, value = 'true'] = /^\s*--?(\w+)(?:=(.*?))?\s*$/.exec(line) ?? [];
    if (name === undefined) continue;
    flags.set(name, { value, defaultValue: DEFAULTS[name] ?? '', type: 'string' });
  }
  return flags;
}

export function flagOf(flags: Flags, name: string): string {
  return flags.get(name)?.value ?? '';
}
