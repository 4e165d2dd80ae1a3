import type { Logger } from 'pino';
import { fromCallback } from 'xstate';
import type { GatewayEvent } from '../../../actors/gateway.machine.ts';
import { formatEndpointAddress } from '../../broker/address.ts';
import type { Closed } from '../../broker/connection.ts';
import { systemClock } from '../../broker/system-clock.ts';
import type { GatewayCounts } from '../../gateway/counts.ts';
import { type HostServer, listenForHosts } from '../../gateway/host-server.ts';
import type { Relay } from '../../gateway/relay.ts';
import type { GatewaySettings } from '../../gateway/settings.ts';

export interface ListenerPortParts {
  readonly settings: GatewaySettings;
  readonly log: Logger;
  readonly counts: GatewayCounts;
  /** While there is a Zeek. */
  readonly relay: () => Relay | undefined;
  /** As configured, or as bound before. */
  readonly port: () => number;
  readonly onBound: (port: number) => void;
  readonly onFailed: (from: string, closed: Closed) => void;
}

/** The gateway's own connections beside those of hosts: handshakes that come to nothing. */
const SPARE_CONNECTIONS = 1_000;

/** The port `hosts` of a gateway's machine: listens for hosts while it lives. */
export function listenerPort({ settings, log, counts, relay, port, onBound, onFailed }: ListenerPortParts) {
  return fromCallback<{ type: 'none' }, undefined, GatewayEvent>(({ sendBack }) => {
    let server: HostServer | undefined;
    let isOver = false;
    const { limits, listen, tls, identity } = settings;
    if (!listen) throw new Error('no port for hosts is configured');
    listenForHosts({
      ...{ host: listen.host, port: port(), security: listen.security, tls, identity, clock: systemClock },
      ...{ hostsPerSecond: limits.hostsPerSecond, maxConnections: limits.hosts + SPARE_CONNECTIONS },
      accept(arrival) {
        const current = relay();
        if (!current) throw new Error('a host was let in where there is no Zeek');
        return current.accept(arrival);
      },
      hasZeek: () => relay() !== undefined,
      onConnection: () => {
        counts.connections += 1;
      },
      onTurnedAway: () => {
        counts.turnedAway += 1;
      },
      onFailed(from, closed) {
        counts.failed += 1;
        onFailed(from, closed);
      },
    }).then(
      (bound) => {
        server = bound;
        if (isOver) {
          void bound.close();
          return;
        }
        onBound(bound.port);
        const at = formatEndpointAddress({ ...listen, port: bound.port });
        log.info({ area: 'gateway', listen: at }, `listens for hosts on ${at}`);
        sendBack({ type: 'hosts.listening', port: bound.port });
      },
      (error: Error) => {
        log.error({ area: 'gateway' }, `can't listen for hosts: ${error.message}`);
        sendBack({ type: 'hosts.failed', reason: error.message });
      },
    );
    return () => {
      isOver = true;
      void server?.close();
    };
  });
}
