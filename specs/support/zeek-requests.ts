import { type Data, string } from '../../src/broker/data.ts';
import type { ZeekEvent } from '../../src/broker/zeek-event.ts';

/** An event whose arguments that are plain texts are Zeek strings. */
export function zeekEvent(name: string, ...args: readonly (string | Data)[]): ZeekEvent {
  return { name, args: args.map((arg) => (typeof arg === 'string' ? string(arg) : arg)) };
}
