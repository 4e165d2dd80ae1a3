import { type Data, timestamp } from '../broker/data.ts';
import { type EventMetadata, NETWORK_TIMESTAMP, SEQUENCE_KEY, type ZeekEvent } from '../broker/zeek-event.ts';
import type { ResultRow } from './model.ts';

/** Dates beyond this (in the year 2262) have no Broker timestamp: 64 bits of nanoseconds. */
const MAX_SECONDS = 9_223_372_036;

/** Seconds since the epoch as Broker's nanoseconds, within what they can hold. */
export function secondsToTimestamp(seconds: number): Data {
  const whole = Number.isFinite(seconds) ? Math.trunc(seconds) : 0;
  return timestamp(BigInt(Math.min(Math.max(whole, -MAX_SECONDS), MAX_SECONDS)) * 1_000_000_000n);
}

/** Milliseconds since the epoch as Broker's nanoseconds, within what they can hold. */
export function millisecondsToTimestamp(milliseconds: number): Data {
  const whole = Number.isFinite(milliseconds) ? Math.trunc(milliseconds) : 0;
  const limit = MAX_SECONDS * 1000;
  return timestamp(BigInt(Math.min(Math.max(whole, -limit), limit)) * 1_000_000n);
}

/**
 * A row's event. A numbered row carries its number and osquery's time as metadata, which Zeek 8 hands to scripts and
 * earlier ones pass over; a row without a number goes without, just as the vocabulary's time knew it.
 */
export function rowEvent(name: string, args: readonly Data[], row: ResultRow): ZeekEvent {
  if (row.sequence === undefined || !Number.isSafeInteger(row.sequence) || row.sequence < 0)
    return { name, args };
  return { name, args, metadata: rowMetadata(row.unixTime, row.sequence) };
}

/** The number comes last. */
export function rowMetadata(unixTime: number, sequence: number): readonly EventMetadata[] {
  return [
    { key: NETWORK_TIMESTAMP, value: secondsToTimestamp(unixTime) },
    { key: SEQUENCE_KEY, value: { type: 'count', value: BigInt(sequence) } },
  ];
}
