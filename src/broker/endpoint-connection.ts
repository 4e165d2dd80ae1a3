import type { EndpointAddress } from './address.ts';
import type { Connection, ConnectionHandlers } from './connection.ts';
import type { NativeOptions } from './native-connection.ts';
import type { SecurityMemory } from './security-memory.ts';
import { connectTcp } from './tcp-connection.ts';
import { connectWebSocket } from './websocket-connection.ts';

/** An address whose transport is Broker's native protocol or Zeek's WebSocket API. */
export type BrokerAddress = Exclude<EndpointAddress, { readonly kind: 'nats' }>;

export interface EndpointOptions extends Omit<NativeOptions, 'security'> {
  /** How a WebSocket client calls itself. */
  readonly applicationName: string;
  readonly memory?: SecurityMemory;
}

/** Connects to a Zeek in the way its address says. Never throws: whatever fails comes as `onClosed`. */
export function connectEndpoint(
  address: BrokerAddress,
  options: EndpointOptions,
  handlers: ConnectionHandlers,
): Connection {
  return address.kind === 'native'
    ? connectTcp({ ...options, ...address }, handlers)
    : connectWebSocket({ ...options, ...address }, handlers);
}
