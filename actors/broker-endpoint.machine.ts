import { assign, type DoneActorEvent, enqueueActions, setup } from 'xstate';
import type { Configuration, MessageOf } from '../src/bus/messages.ts';
import type { Host } from '../src/vocabulary/model.ts';
import type { LinkTiming } from './bro-link.ts';
import { broPeerMachine } from './bro-peer.machine.ts';
import { inboxPort, publishPort } from './port.ts';

export interface BrokerEndpointInput {
  /** Our Broker endpoint id, a version-4 UUID. */
  readonly endpointId: string;
  readonly timing: LinkTiming;
  /** The Bros of the configuration and the delays that apply to them; null while there is no valid configuration. */
  readonly configuration: Configuration | null;
  /** The groups this host is in. */
  readonly groups: readonly string[];
  /** The host, if osquery has described it already. */
  readonly host: Host | null;
}

export type BrokerEndpointEvent =
  | MessageOf<'osquery.configured'>
  | MessageOf<'osquery.host'>
  | MessageOf<'schedule.groups'>
  | MessageOf<'extension.draining'>
  | (DoneActorEvent & { readonly type: 'xstate.done.actor.*' });

interface BrokerEndpointContext extends BrokerEndpointInput {
  /** Peers that have an actor: those of the configuration, and those that are still leaving. */
  readonly live: readonly string[];
}

/** The id of a peer's actor, within the endpoint and in the whole system. */
export const peerActorId = (peer: string): string => `peer:${peer}`;

/** The host's Broker endpoint: its identity, the Bros to connect to, and one peer for each of them. */
export const brokerEndpointMachine = setup({
  types: {
    context: {} as BrokerEndpointContext,
    events: {} as BrokerEndpointEvent,
    input: {} as BrokerEndpointInput,
  },
  actors: { inbox: inboxPort(), broPeer: broPeerMachine },
  actions: {
    publish: publishPort,
    takeNews: assign(({ event }) => {
      if (event.type === 'osquery.configured') {
        const { peers, groups, policy } = event;
        return { configuration: { peers, groups, policy } };
      }
      if (event.type === 'schedule.groups') return { groups: event.groups };
      if (event.type === 'osquery.host') return { host: event.host };
      return {};
    }),
    forgetEnded: assign({
      live: ({ context, event }) =>
        'actorId' in event
          ? context.live.filter((peer) => peerActorId(peer) !== event.actorId)
          : context.live,
    }),
    startAndEndPeers: enqueueActions(({ context, enqueue }) => {
      const host = describeHost(context);
      if (!host || !context.configuration) return;
      const { peers, policy: patience } = context.configuration;
      for (const peer of context.live) {
        if (!peers.includes(peer)) enqueue.sendTo(peerActorId(peer), { type: 'peer.drain' });
      }
      const fresh = peers.filter((peer) => !context.live.includes(peer));
      for (const peer of fresh) {
        const id = peerActorId(peer);
        const { timing } = context;
        enqueue.spawnChild('broPeer', { id, systemId: id, input: { peer, host, timing, patience } });
      }
      enqueue.assign({ live: [...context.live, ...fresh] });
    }),
    tellPeersOfPatience: enqueueActions(({ context, enqueue }) => {
      const patience = context.configuration?.policy;
      if (!patience) return;
      for (const peer of context.live) {
        enqueue.sendTo(peerActorId(peer), { type: 'patience.changed', patience });
      }
    }),
    tellChangedPeers: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'osquery.configured') return;
      for (const peer of event.changed) {
        if (context.live.includes(peer)) enqueue.sendTo(peerActorId(peer), { type: 'endpoint.changed' });
      }
    }),
    tellPeersOfHost: enqueueActions(({ context, enqueue }) => {
      const host = describeHost(context);
      if (!host) return;
      for (const peer of context.live) enqueue.sendTo(peerActorId(peer), { type: 'host.changed', host });
    }),
    drainPeers: enqueueActions(({ context, enqueue }) => {
      for (const peer of context.live) enqueue.sendTo(peerActorId(peer), { type: 'peer.drain' });
    }),
  },
  guards: {
    isIntroduced: ({ context }) => context.host !== null && context.configuration !== null,
    allEnded: ({ context }) => context.live.length === 0,
  },
  delays: { patience: 5_000 },
}).createMachine({
  id: 'broker-endpoint',
  description: 'Our side of Broker: one endpoint, one peer for each Bro of the configuration.',
  context: ({ input }) => ({ ...input, live: [] }),
  invoke: {
    src: 'inbox',
    input: { subjects: ['osquery.configured', 'osquery.host', 'schedule.groups', 'extension.draining'] },
  },
  initial: 'waiting',
  on: { 'extension.draining': '.draining' },
  states: {
    waiting: {
      description: 'osquery has not described the host, or there is no good configuration yet.',
      always: { guard: 'isIntroduced', target: 'open' },
      on: {
        'osquery.configured': { actions: 'takeNews' },
        'schedule.groups': { actions: 'takeNews' },
        'osquery.host': { actions: 'takeNews' },
      },
    },
    open: {
      description: 'Each configured Bro has a peer.',
      entry: [
        'startAndEndPeers',
        {
          type: 'publish',
          params: ({ context }) => ({
            type: 'endpoint.opened',
            endpointId: context.endpointId,
            peers: context.configuration?.peers ?? [],
          }),
        },
      ],
      on: {
        'osquery.configured': {
          actions: ['takeNews', 'tellPeersOfPatience', 'tellChangedPeers', 'startAndEndPeers'],
        },
        'schedule.groups': { actions: ['takeNews', 'tellPeersOfHost'] },
        'osquery.host': { actions: ['takeNews', 'tellPeersOfHost'] },
        'xstate.done.actor.*': { actions: ['forgetEnded', 'startAndEndPeers'] },
      },
    },
    draining: {
      description: 'All peers are disconnecting.',
      entry: 'drainPeers',
      always: { guard: 'allEnded', target: 'closed' },
      after: { patience: 'closed' },
      on: { 'xstate.done.actor.*': { actions: 'forgetEnded' } },
    },
    closed: { type: 'final', description: 'No peer is left.' },
  },
});

/** The host as Bros are told of it: osquery's description with the groups of the schedule and our endpoint id. */
function describeHost({ host, groups, endpointId }: BrokerEndpointContext): Host | null {
  return host && { ...host, groups, endpointId };
}
