import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { type Cause, EVENT_SCHEMAS, isEventType, type ScheduleEvent } from '../schedule/events.ts';
import { atPlace, EventLogError, type Place } from './event-log-error.ts';

/**
 * One fact is one line of JSON:
 *
 *     {"v":1,"seq":7,"time":"2026-11-24T04:44:22.123Z","type":"BroLost","cause":null,"rest":0,"data":{…},"sum":"9ae0daaf"}
 *
 * always in that order. `v` is the version of this format; `rest` says how many more records the same decision
 * has, since a decision is in the log as a whole or not at all; `sum` is the CRC-32 of the line's bytes before
 * `,"sum"`.
 */

/** The version of the format that this program writes, and the newest that it reads. */
const FORMAT_VERSION = 1;

/** Longest line that is written or read, in bytes. */
export const MAX_RECORD_BYTES = 4 * 1024 * 1024;

/** A record as it stands in the log; `time` in milliseconds since the epoch. */
export interface LogRecord {
  readonly seq: number;
  readonly time: number;
  /** May be a type that only other versions of this program know. */
  readonly type: string;
  readonly cause: Cause | null;
  readonly rest: number;
  readonly data: unknown;
}

const SUM_LENGTH = ',"sum":"00000000"}'.length;
const HEAD = /^\{"v":(\d{1,15}),/;

/** The record's line, without its line end. Throws `record-too-long`, and `bad-record` for a time that is none. */
export function printRecord(record: LogRecord): string {
  const { seq, type, cause, rest, data } = record;
  if (!(Math.abs(record.time) <= 8.64e15)) {
    throw new EventLogError('bad-record', `an event of type ${type} has the invalid time ${record.time}`);
  }
  const time = new Date(record.time).toISOString();
  const whole = JSON.stringify({ v: FORMAT_VERSION, seq, time, type, cause, rest, data });
  const text = whole.slice(0, -1);
  const line = `${text},"sum":"${checksum(text)}"}`;
  if (Buffer.byteLength(line) >= MAX_RECORD_BYTES) {
    throw new EventLogError(
      'record-too-long',
      `an event of type ${type} takes ${Buffer.byteLength(line)} bytes, the limit is ${MAX_RECORD_BYTES}`,
    );
  }
  return line;
}

/**
 * Reads a line, given without its line end. Throws `newer-format`, `bad-checksum` or `bad-record`; it does not
 * look into `data` (see `eventOf`).
 */
export function parseRecord(line: Buffer): LogRecord {
  const version = Number(HEAD.exec(line.toString('latin1', 0, 32))?.[1] ?? 0);
  if (version > FORMAT_VERSION) {
    throw new EventLogError(
      'newer-format',
      `written in format ${version} by a newer bro-osquery, this one reads up to ${FORMAT_VERSION}; use the newer one`,
    );
  }
  const body = line.subarray(0, Math.max(0, line.length - SUM_LENGTH));
  const tail = line.toString('latin1', body.length);
  if (body.length === 0 || tail !== `,"sum":"${checksum(body)}"}`) {
    throw new EventLogError('bad-checksum', "the record's checksum is wrong");
  }
  return checkRecord(parseJson(`${body.toString('utf8')}}`));
}

/** By hand, not by a schema: this runs for each of millions of records. */
function checkRecord(value: unknown): LogRecord {
  if (!isObject(value)) throw new EventLogError('bad-record', 'the record is not a JSON object');
  const { seq, time, type, cause, rest, data } = value;
  const at = typeof time === 'string' ? Date.parse(time) : Number.NaN;
  const problem =
    (!isCount(seq) || seq === 0 ? 'seq' : null) ??
    (Number.isNaN(at) ? 'time' : null) ??
    (typeof type !== 'string' || type === '' ? 'type' : null) ??
    (cause !== null && !isCause(cause) ? 'cause' : null) ??
    (isCount(rest) ? null : 'rest') ??
    (isObject(data) ? null : 'data');
  if (problem !== null) throw new EventLogError('bad-record', `the record's ${problem} is invalid`);
  // Each has just been looked at.
  return { seq, time: at, type, cause, rest, data } as LogRecord;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isCause(value: unknown): value is Cause {
  if (!isObject(value)) return false;
  const { peer, requestId } = value;
  return typeof peer === 'string' && typeof requestId === 'number';
}

/** The fact that a record holds, or null if it is of a type that this version doesn't know. Throws `bad-record`. */
export function eventOf(record: LogRecord): ScheduleEvent | null {
  const { type, time, cause } = record;
  if (!isEventType(type)) return null;
  const parsed = EVENT_SCHEMAS[type].safeParse(record.data);
  if (!parsed.success) {
    throw new EventLogError(
      'bad-record',
      `record ${record.seq} is not a valid ${type}: ${z.prettifyError(parsed.error)}`,
    );
  }
  // The table pairs each type with its schema, which the compiler can't follow through the look-up.
  return { type, at: time, cause, data: parsed.data } as ScheduleEvent;
}

/** The same, where the record's place is known: an error names it. */
export function eventAt(record: LogRecord, place: Place): ScheduleEvent | null {
  try {
    return eventOf(record);
  } catch (error) {
    throw error instanceof EventLogError ? atPlace(error, place) : error;
  }
}

/** The records of one decision, of which the first gets the sequence number `seq`. */
export function recordsOf(events: readonly ScheduleEvent[], seq: number): LogRecord[] {
  return events.map(({ type, at, cause, data }, index) => ({
    seq: seq + index,
    time: at,
    type,
    cause,
    rest: events.length - 1 - index,
    data,
  }));
}

/** The CRC-32 of text or bytes as eight hex digits. */
export function checksum(content: string | Buffer): string {
  return crc32(content).toString(16).padStart(8, '0');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new EventLogError(
      'bad-record',
      'the record is not valid JSON, though its checksum is right',
      null,
      error,
    );
  }
}
