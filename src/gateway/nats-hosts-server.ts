import type { Clock, Closed } from '../broker/connection.ts';
import { type GatewayAtNats, meetAtNats } from '../nats/gateway-server.ts';
import type { HostArrival, HostHandlers } from '../nats/partition-hosts-server.ts';
import { Admission } from './admission.ts';
import type { Relay } from './relay.ts';
import type { GatewayNats } from './settings.ts';

export interface NatsHostsOptions {
  readonly nats: GatewayNats;
  readonly clock: Clock;
  /** This gateway's id, another with each start. */
  readonly id: string;
  readonly name: string;
  readonly version: string;
  /** Hosts that are let in a second. */
  readonly hostsPerSecond: number;
  /** What goes to the Zeek; a new Zeek is a new meeting. */
  readonly relay: Relay;
  readonly onTurnedAway: () => void;
  readonly onRefused: (host: string, reason: string) => void;
  readonly onTrouble: (about: 'server' | 'stream' | 'leases', trouble: string) => void;
  readonly onLeases: () => void;
  readonly onClosed: (closed: Closed) => void;
}

/** A host asks again after some seconds: who has no turn by then need not wait. */
const PATIENCE = 6_000;

interface Waiting {
  readonly arrival: HostArrival;
  readonly outcome: (handlers: HostHandlers | string | undefined) => void;
}

/** Meets hosts at NATS for a relay, and lets them in at a pace. @throws NatsOpenError */
export async function meetHostsAtNats(options: NatsHostsOptions): Promise<GatewayAtNats> {
  const { nats, clock, relay, hostsPerSecond, id, name, version, onTurnedAway } = options;
  const [first, ...others] = nats.servers;
  if (!first) throw new Error('no NATS server is named');
  const admission = new Admission<Waiting>(
    { clock, perSecond: hostsPerSecond, atOnce: Number.POSITIVE_INFINITY, patience: PATIENCE },
    async ({ arrival, outcome }) => outcome(letIn(relay, arrival, options)),
    ({ outcome }) => {
      onTurnedAway();
      outcome(undefined);
    },
  );
  const { settings, tls, replicas } = nats;
  return meetAtNats({
    target: { ...first, others, settings, tls, name: `bro-osquery gateway ${version}` },
    ...{ replicas, id, member: { name, version, zeek: relay.zeek.incarnation }, clock },
    filter: () => relay.filter,
    admit: (arrival) => new Promise((outcome) => admission.add({ arrival, outcome })),
    takeRows: (rows) => relay.takeRows(rows),
    onRefused: options.onRefused,
    onTrouble: options.onTrouble,
    onLeases: options.onLeases,
    onClosed(closed) {
      admission.end();
      options.onClosed(closed);
    },
  });
}

/** A host proves who it is by the subject that the server lets it publish on. */
function letIn(relay: Relay, { id, endpointId, filter, session }: HostArrival, { nats }: NatsHostsOptions) {
  const from = `${id} at ${nats.servers[0]?.host ?? ''}`;
  return relay.join({ session, from, endpointId, filter, provedId: id });
}
