import type { EndpointAddress } from '../../../broker/address.ts';
import { connectByAlternatives, WaysTaken } from '../../../broker/alternative-connection.ts';
import { ConnectedPeers } from '../../../broker/connected-peers.ts';
import type { Connection, ConnectionHandlers } from '../../../broker/connection.ts';
import { ConnectionLifecycle } from '../../../broker/connection-lifecycle.ts';
import { connectEndpoint } from '../../../broker/endpoint-connection.ts';
import { SecurityMemory } from '../../../broker/security-memory.ts';
import { connectDirectly } from '../../../nats/direct-connection.ts';
import { connectNats } from '../../../nats/nats-connection.ts';
import type { ExtensionContext } from '../extension-context.ts';

/** Connects to a configured Bro by whatever transport its address names. Never throws; failures come as `onClosed`. */
export type Dial = (call: Call, handlers: ConnectionHandlers) => Connection;

export interface Call {
  readonly peer: string;
  /** Who we are to this Bro, a UUID. */
  readonly endpointId: string;
  /** What osquery calls the host. */
  readonly hostId: string;
  readonly filter: readonly string[];
}

export function createDial(context: ExtensionContext): Dial {
  // What connections of one endpoint have in common.
  const memory = new SecurityMemory();
  const peers = new ConnectedPeers();
  const taken = new WaysTaken();
  return ({ peer, endpointId, hostId, filter }, handlers) => {
    const endpoint = context.settings().endpoints.find((one) => one.peer === peer);
    if (!endpoint) return stillborn(peer, handlers, `${peer} is no longer configured`);
    const { tls, nats: settings } = endpoint;
    const { maxFrame } = context.settings();
    const applicationName = `bro-osquery/${context.version}`;
    const connect = (address: EndpointAddress, wanted: readonly string[], own: ConnectionHandlers) =>
      address.kind === 'nats'
        ? (settings.zeekCluster ? connectDirectly : connectNats)(
            { ...address, settings, tls, name: applicationName, hostId, endpointId, filter: wanted },
            own,
          )
        : connectEndpoint(
            address,
            { endpointId, filter: wanted, tls, memory, peers, applicationName, maxFrame },
            own,
          );
    const ways = [endpoint.address, ...endpoint.alternatives];
    if (ways.length === 1) return connect(endpoint.address, filter, handlers);
    return connectByAlternatives(
      { endpoint: peer, ways: ways.length, filter, taken },
      (way, wanted, own) => connect(ways[way] ?? endpoint.address, wanted, own),
      handlers,
    );
  };
}

/** A connection that can't be, which its owner learns as it would of any other end. */
function stillborn(peerName: string, handlers: ConnectionHandlers, message: string): Connection {
  const lifecycle = new ConnectionLifecycle({ peerName, filter: [] }, handlers);
  queueMicrotask(() => lifecycle.close('refused', message, true));
  return lifecycle;
}
