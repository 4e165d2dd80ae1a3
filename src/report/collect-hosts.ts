import { BoundedTable } from './bounded-table.ts';
import type { LogRow } from './log-row.ts';

/** What the logs tell of a host. */
export interface HostFacts {
  readonly hid: string;
  hostname: string;
  system: string;
  addresses: string;
  agent: string;
  /** Milliseconds since the epoch of the first and last line that names it. */
  first: number;
  last: number;
  /** Lines of logs of its rows. */
  rows: number;
  notices: number;
  /** Connections that one of its programs began, and those that came to one. */
  begun: number;
  received: number;
  /** When `osquery.log` last said what it is. */
  described: number;
  /** When `osquery.log` last said whether it is connected, and what. */
  told: number;
  isConnected: boolean | undefined;
}

const MOST_HOSTS = 50_000;
/** As the package says it in `osquery.log`. */
const DETAILS = /^Host is (.*?) \((.*), ([^,()]*)\), agent (\S*)$/;

export class HostCollector {
  readonly table = new BoundedTable<HostFacts>(MOST_HOSTS, (host) => host.last);

  /** A line that names the host in its columns; `prefix` stands before their names. */
  seen(row: LogRow, time: number, prefix = ''): HostFacts | undefined {
    const hid = row.text(`${prefix}hid`);
    if (hid === undefined || hid === '') return undefined;
    const host = this.#host(hid, time);
    const hostname = row.text(`${prefix}hostname`);
    if (hostname !== undefined && hostname !== '' && time >= host.last) host.hostname = hostname;
    return host;
  }

  /** A line of `osquery.log`. */
  told(row: LogRow, time: number): void {
    const hid = row.text('peer');
    const message = row.text('message') ?? '';
    // Requests are logged by their topics, and other Zeeks by their names.
    if (row.text('source') !== 'osquery' || hid === undefined || hid === '' || hid.startsWith('/')) return;
    const host = this.#host(hid, time);
    const [, hostname, system, addresses, agent] = DETAILS.exec(message) ?? [];
    if (hostname !== undefined && time >= host.described) {
      host.described = time;
      host.hostname ||= hostname;
      host.system = system ?? '';
      host.addresses = addresses ?? '';
      host.agent = agent ?? '';
    }
    const isConnected = /^Host connected/.test(message) || hostname !== undefined;
    const isGone = /^Host (disconnected|is silent|forgotten)/.test(message);
    if ((isConnected || isGone) && time >= host.told) {
      host.told = time;
      host.isConnected = isConnected;
    }
  }

  #host(hid: string, time: number): HostFacts {
    const host = this.table.entry(hid, () => ({
      hid,
      hostname: '',
      system: '',
      addresses: '',
      agent: '',
      first: time,
      last: time,
      rows: 0,
      notices: 0,
      begun: 0,
      received: 0,
      described: 0,
      told: 0,
      isConnected: undefined,
    }));
    host.first = Math.min(host.first, time);
    host.last = Math.max(host.last, time);
    return host;
  }
}
