import type { Data } from './data.ts';

/** An event of Zeek's script layer, as it travels in a Broker data message. */
export interface ZeekEvent {
  /** With its module: `osquery::host_subscribe`. */
  readonly name: string;
  readonly args: readonly Data[];
  /** Pairs of key and value; key 1 is the network timestamp, keys from 200 are the user's. */
  readonly metadata?: readonly EventMetadata[];
}

export interface EventMetadata {
  readonly key: bigint;
  readonly value: Data;
}

/** A message to or from a topic. */
export interface TopicEvent {
  readonly topic: string;
  readonly event: ZeekEvent;
}
