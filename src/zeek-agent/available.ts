import { type HostFacts, tableBodies } from './bodies.ts';
import { ZEEK_AGENT_TABLES } from './tables.ts';

/** The tables of Zeek Agent that a host with these facts has. */
export function availableNames(facts: HostFacts): readonly string[] {
  const bodies = tableBodies(facts);
  const isAvailable = (name: string): boolean => {
    switch (name) {
      case 'files_list':
        return facts.tables.has('file');
      case 'files_lines':
      case 'files_columns':
        return facts.platform !== 'windows';
      case 'system_logs_events':
        return facts.hasSystemLog || bodies.has(name);
      case 'zeek_agent':
        return true;
      default:
        return bodies.has(name);
    }
  };
  return ZEEK_AGENT_TABLES.map(({ name }) => name).filter(isAvailable);
}
