import { InvalidArgumentError } from 'commander';
import { AddressError, parseEndpointAddress } from '../../broker/address.ts';
import type { BrokerAddress } from '../../broker/endpoint-connection.ts';
import { isAnnounceable } from '../../broker/endpoint-id.ts';
import { isGroupName } from '../../vocabulary/groups.ts';
import { LONGEST_INTERVAL } from '../../vocabulary/intervals.ts';
import { isEventName } from '../../vocabulary/request-reader.ts';

// Readers of the options of `bro-osquery bro`; each throws InvalidArgumentError.

export function brokerAddresses(text: string, all: readonly BrokerAddress[] = []): readonly BrokerAddress[] {
  try {
    const address = parseEndpointAddress(text, { listening: true });
    if (address.kind !== 'nats') return [...all, address];
  } catch (error) {
    if (!(error instanceof AddressError)) throw error;
    throw new InvalidArgumentError(error.message);
  }
  throw new InvalidArgumentError('It is an address of NATS; use --nats.');
}

export function collected(text: string, all: readonly string[] = []): readonly string[] {
  if (text.trim() === '') throw new InvalidArgumentError('It is empty.');
  return [...all, text];
}

export function columnLists(
  text: string,
  all: readonly (readonly string[])[] = [],
): readonly (readonly string[])[] {
  return [...all, text.split(',').map((name) => name.trim())];
}

export function group(text: string): string {
  if (isGroupName(text)) return text;
  throw new InvalidArgumentError('It is not a valid group name.');
}

export function groups(text: string, all: readonly string[] = []): readonly string[] {
  return [...all, group(text)];
}

export function eventName(text: string): string {
  if (isEventName(text)) return text;
  throw new InvalidArgumentError('It is not a valid name of a Zeek event, such as Module::name.');
}

export function interval(text: string): number {
  const value = whole(text);
  if (value <= LONGEST_INTERVAL) return value;
  throw new InvalidArgumentError(`The longest interval of osquery is ${LONGEST_INTERVAL} s.`);
}

export function whole(text: string): number {
  if (/^\d{1,15}$/.test(text) && Number(text) > 0) return Number(text);
  throw new InvalidArgumentError('It is not a whole number of at least 1.');
}

export function seconds(text: string): number {
  // A longer timer would go off at once.
  if (/^\d{1,7}(\.\d{1,3})?$/.test(text) && Number(text) > 0 && Number(text) < 2_000_000) return Number(text);
  throw new InvalidArgumentError('It is not a number of seconds.');
}

export function endpointId(text: string): string {
  const id = text.toLowerCase();
  if (isAnnounceable(id)) return id;
  throw new InvalidArgumentError('It is not a UUID of version 1 to 5, which Broker requires.');
}
