/** A notice as the lab's Zeek prints it. */
export interface LabNotice {
  readonly note: string;
  readonly message: string;
  readonly host: string;
  readonly process: string;
  readonly user: string;
  readonly techniques: readonly string[];
}

/** A notice that the attack has to raise, with what it has to name. */
export interface Expected {
  readonly note: string;
  readonly host: string;
  /** How its process ends; empty: none can be known. */
  readonly process: string;
  readonly user: string;
  /** Part of its message, where several notices are alike. */
  readonly says?: string;
  /** Whether it may be missing: what is shorter than a poll may go unseen. */
  readonly optional?: boolean;
  /** The osquery tables that it takes, beside those of the stand-in. */
  readonly tables?: readonly string[];
}

const IMPLANT = { host: 'web-1', process: 'update', user: 'www-data' };
const UNKNOWN = { process: '', user: '' };

/** All that the attack raises, in the order of its steps. */
export const EXPECTED: readonly Expected[] = [
  { note: 'osquery::downloads::Downloaded_Program_Ran', ...IMPLANT, tables: ['hash'] },
  { note: 'osquery::watch::New_Listener', ...IMPLANT, says: 'port 4444' },
  { note: 'osquery::watch::Odd_Program', ...IMPLANT },
  { note: 'osquery::first_seen::New_Program_Connection', ...IMPLANT, says: '443/tcp' },
  { note: 'osquery::beacons::Large_Upload', ...IMPLANT },
  { note: 'osquery::beacons::Beacon', ...IMPLANT },
  {
    note: 'osquery::persistence::New_Persistence',
    host: 'web-1',
    ...UNKNOWN,
    says: '/etc/cron.d/update',
    tables: ['crontab'],
  },
  { note: 'osquery::hops::Hop', host: 'web-1', process: 'ssh', user: 'www-data', says: 'db-1' },
  {
    note: 'osquery::hops::Hop',
    host: 'db-1',
    process: 'ssh',
    user: 'backup',
    says: 'web-1 > db-1 > 10.0.0.7',
  },
  // Both hosts are in one group: the connection that ends first is the new one.
  {
    note: 'osquery::first_seen::New_Program_Connection',
    host: 'db-1',
    process: 'ssh',
    user: 'backup',
    says: '22/tcp',
  },
  { note: 'osquery::hidden::Hidden_Listener', host: 'web-1', ...UNKNOWN, says: '31337/tcp' },
  { note: 'osquery::hidden::Hidden_Connection', host: 'web-1', ...UNKNOWN, says: '8000/tcp' },
  { note: 'osquery::coverage::Unmanaged_Machine', host: '', ...UNKNOWN, says: '10.0.0.7' },
  { note: 'osquery::coverage::Silent_Host_Seen', host: 'web-1', ...UNKNOWN },
  // The download itself, where a poll has seen its socket.
  {
    note: 'osquery::first_seen::New_Program_Connection',
    host: 'web-1',
    process: 'fetch',
    user: 'www-data',
    optional: true,
  },
];

export function fits(notice: LabNotice, { note, host, process, user, says = '' }: Expected): boolean {
  return (
    notice.note === note &&
    notice.host === host &&
    (process === '' ? notice.process === '' : notice.process.endsWith(process)) &&
    notice.user === user &&
    notice.message.includes(says)
  );
}
