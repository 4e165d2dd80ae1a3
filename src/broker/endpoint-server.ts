import type { BrokerAddress, EndpointOptions } from './endpoint-connection.ts';
import type { Accept, Listener } from './listening-server.ts';
import { listenTcp } from './tcp-server.ts';
import { listenWebSocket } from './websocket-server.ts';

export interface EndpointListenOptions extends Omit<EndpointOptions, 'applicationName' | 'memory'> {
  /** What acks of the WebSocket API give as Zeek's version. */
  readonly version: string;
}

/**
 * Listens at an address in the way it says, as a Zeek would.
 * @throws the system's error if the address can't be bound, TlsSettingsError
 */
export function listenEndpoint(
  address: BrokerAddress,
  options: EndpointListenOptions,
  accept: Accept,
): Promise<Listener> {
  return address.kind === 'native'
    ? listenTcp({ ...options, ...address }, accept)
    : listenWebSocket({ ...options, ...address }, accept);
}
