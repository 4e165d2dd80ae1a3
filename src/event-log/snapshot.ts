import { initialState, type ScheduleState } from '../schedule/schedule.ts';
import { EventLogError } from './event-log-error.ts';
import { checksum } from './record.ts';

/** The version of the state's shape; a snapshot of another shape is not read. */
const SNAPSHOT_VERSION = 1;

/** The state after the record `seq`. */
export interface Snapshot {
  readonly seq: number;
  readonly state: ScheduleState;
}

const FORM = /^\{"v":(\d{1,9}),"seq":(\d{1,16}),"sum":"([0-9a-f]{8})","state":/;

/** One line of JSON: version, sequence number, CRC-32 of the state's text, state. */
export function printSnapshot({ seq, state }: Snapshot): string {
  const text = JSON.stringify(state);
  return `{"v":${SNAPSHOT_VERSION},"seq":${seq},"sum":"${checksum(text)}","state":${text}}\n`;
}

/** Reads a snapshot. Throws `bad-snapshot`, `newer-format`. */
export function parseSnapshot(text: string): Snapshot {
  const [head, version, seq, sum] = FORM.exec(text) ?? [];
  if (head === undefined) throw new EventLogError('bad-snapshot', 'this is not a snapshot');
  if (Number(version) > SNAPSHOT_VERSION) {
    throw new EventLogError(
      'newer-format',
      `a snapshot in format ${version}, from a newer bro-osquery: use that one`,
    );
  }
  const state = text.slice(head.length).trimEnd().slice(0, -1);
  if (Number(version) < SNAPSHOT_VERSION || checksum(state) !== sum) {
    throw new EventLogError('bad-snapshot', 'the snapshot is of an older version, or damaged');
  }
  // The checksum says that this is what `printSnapshot` was given; a version before this one had fewer members.
  return { seq: Number(seq), state: { ...initialState(), ...(JSON.parse(state) as Partial<ScheduleState>) } };
}
