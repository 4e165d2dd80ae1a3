import { assign, sendTo, setup } from 'xstate';
import { callbackPort } from './port.ts';

/** What the link to the Zeek and the listener tell the gateway. */
export type GatewayEvent =
  | { readonly type: 'zeek.up'; readonly incarnation: string }
  | {
      readonly type: 'zeek.closed';
      readonly code: string;
      readonly reason: string;
      /** 0 to 1, drawn for the jitter of the next attempt. */
      readonly chance: number;
    }
  | { readonly type: 'hosts.listening'; readonly port: number }
  | { readonly type: 'hosts.failed'; readonly reason: string }
  | { readonly type: 'nats.met' }
  | { readonly type: 'nats.failed'; readonly reason: string; readonly refused: boolean }
  /** Its partitions are given to other gateways, and nothing is under way any more. */
  | { readonly type: 'nats.left' }
  | { readonly type: 'gateway.drain' };

/** Milliseconds. */
export interface GatewayTiming {
  /** First pause before the Zeek is tried again; doubles with each round of failures. */
  readonly backOffBase: number;
  readonly backOffMax: number;
  /** Pause before the port is tried again. */
  readonly listenPause: number;
  /** Pause before the NATS server is tried again, and the same where it refused us. */
  readonly natsPause: number;
  readonly natsRefusedPause: number;
  /** How long giving partitions back may take. */
  readonly handOver: number;
}

export interface GatewayInput {
  /** How many ways lead to the Zeek. */
  readonly ways: number;
  /** Where hosts reach it: at a port, at NATS, or both. */
  readonly listens: boolean;
  readonly meets: boolean;
  readonly timing: GatewayTiming;
}

interface GatewayContext {
  readonly ways: number;
  readonly listens: boolean;
  readonly meets: boolean;
  readonly timing: GatewayTiming;
  /** Whether the NATS server refused us when it was last tried. */
  readonly isRefused: boolean;
  /** The way that is tried, or in use. */
  readonly way: number;
  /** Attempts that failed since the Zeek was last up. */
  readonly failures: number;
  readonly retryIn: number;
  /** Of the Zeek, while it is up. */
  readonly incarnation: string | null;
  readonly port: number | null;
  readonly lastClose: { readonly code: string; readonly reason: string } | null;
}

/**
 * A gateway: it listens for hosts while it has its Zeek, and only then. So a host that names several gateways moves on
 * when one has lost its Zeek, and whatever lies between a host and the Zeek when a link ends is sent again by the host.
 */
export const gatewayMachine = setup({
  types: {
    context: {} as GatewayContext,
    events: {} as GatewayEvent,
    input: {} as GatewayInput,
    output: {} as { readonly reason: string },
  },
  actors: {
    zeek: callbackPort<{ type: 'leave' }, { readonly way: number }, GatewayEvent>('zeek'),
    hosts: callbackPort<{ type: 'none' }, undefined, GatewayEvent>('hosts'),
    nats: callbackPort<{ type: 'leave' }, undefined, GatewayEvent>('nats'),
  },
  actions: {
    recordUp: assign({
      failures: 0,
      incarnation: ({ event }) => (event.type === 'zeek.up' ? event.incarnation : null),
    }),
    recordClose: assign(({ context, event }) => {
      if (event.type !== 'zeek.closed') return {};
      const { ways, timing } = context;
      const wasUp = context.incarnation !== null;
      const failures = wasUp ? 0 : context.failures + 1;
      const rounds = Math.floor(failures / ways);
      const ceiling = Math.min(timing.backOffMax, timing.backOffBase * 2 ** Math.max(0, rounds - 1));
      return {
        failures,
        // Another way is tried at once; the pause is between rounds.
        way: wasUp ? context.way : (context.way + 1) % ways,
        retryIn: failures > 0 && failures % ways !== 0 ? 0 : Math.round(ceiling * (0.5 + event.chance / 2)),
        incarnation: null,
        lastClose: { code: event.code, reason: event.reason },
      };
    }),
    recordPort: assign({ port: ({ event }) => (event.type === 'hosts.listening' ? event.port : null) }),
    forgetPort: assign({ port: null }),
    leave: sendTo('zeek', { type: 'leave' } as const),
    recordRefusal: assign({ isRefused: ({ event }) => event.type === 'nats.failed' && event.refused }),
    leaveNats: sendTo('nats', { type: 'leave' } as const),
  },
  guards: {
    listens: ({ context }) => context.listens,
    meets: ({ context }) => context.meets,
  },
  delays: {
    retryIn: ({ context }) => context.retryIn,
    listenPause: ({ context }) => context.timing.listenPause,
    natsPause: ({ context }) =>
      context.isRefused ? context.timing.natsRefusedPause : context.timing.natsPause,
    handOver: ({ context }) => context.timing.handOver,
  },
}).createMachine({
  id: 'gateway',
  description: 'A gateway between a Zeek and any number of hosts.',
  context: ({ input }) => ({
    ways: input.ways,
    listens: input.listens,
    meets: input.meets,
    timing: input.timing,
    isRefused: false,
    way: 0,
    failures: 0,
    retryIn: 0,
    incarnation: null,
    port: null,
    lastClose: null,
  }),
  initial: 'linked',
  states: {
    linked: {
      description: 'Connected to the Zeek, or connecting.',
      initial: 'reaching',
      invoke: { id: 'zeek', src: 'zeek', input: ({ context }) => ({ way: context.way }) },
      on: {
        'zeek.closed': { target: 'backingOff', actions: 'recordClose' },
        'gateway.drain': '.draining',
      },
      states: {
        reaching: {
          description: 'Connecting to the Zeek; not listening for hosts.',
          on: { 'zeek.up': { target: 'serving', actions: 'recordUp' } },
        },
        serving: {
          description: 'Connected to the Zeek; hosts may connect.',
          type: 'parallel',
          states: {
            listener: {
              description: 'The port for hosts.',
              initial: 'choosing',
              exit: 'forgetPort',
              states: {
                choosing: {
                  description: 'Whether hosts connect to a port.',
                  always: [{ guard: 'listens', target: 'binding' }, { target: 'none' }],
                },
                none: { description: 'Hosts connect to no port.' },
                binding: {
                  description: 'Opening the port for hosts.',
                  invoke: { id: 'hosts', src: 'hosts' },
                  initial: 'opening',
                  on: { 'hosts.failed': 'blocked' },
                  states: {
                    opening: {
                      description: 'Binding the port.',
                      on: { 'hosts.listening': { target: 'open', actions: 'recordPort' } },
                    },
                    open: { description: 'Accepting hosts.' },
                  },
                },
                blocked: {
                  description: "The port can't be bound; it is retried.",
                  after: { listenPause: 'binding' },
                },
              },
            },
            nats: {
              description: 'The NATS server at which hosts meet it.',
              initial: 'choosing',
              states: {
                choosing: {
                  description: 'Whether hosts meet it at NATS.',
                  always: [{ guard: 'meets', target: 'joined' }, { target: 'none' }],
                },
                none: { description: 'Hosts do not meet it at NATS.' },
                joined: {
                  description: 'Connected to the NATS server, or connecting.',
                  invoke: { id: 'nats', src: 'nats' },
                  initial: 'connecting',
                  on: { 'nats.failed': { target: 'away', actions: 'recordRefusal' } },
                  states: {
                    connecting: {
                      description: 'Connecting to the NATS server.',
                      on: { 'nats.met': 'sharing' },
                    },
                    sharing: {
                      description: 'Serving its share of the hosts.',
                      on: { 'gateway.drain': 'handingOver' },
                    },
                    handingOver: {
                      description:
                        'Its share goes to the other gateways; what is under way is settled first.',
                      entry: 'leaveNats',
                      on: {
                        'nats.left': '#gateway.linked.draining',
                        'nats.failed': '#gateway.linked.draining',
                        'zeek.closed': '#gateway.ended',
                        'gateway.drain': {},
                      },
                      after: { handOver: '#gateway.linked.draining' },
                    },
                  },
                },
                away: {
                  description: 'The NATS server could not be reached, or refused us; it is tried again.',
                  after: { natsPause: 'joined' },
                },
              },
            },
          },
        },
        draining: {
          description: 'Hosts are sent away and the Zeek is disconnected (clean shutdown).',
          entry: 'leave',
          on: { 'zeek.closed': '#gateway.ended' },
        },
      },
    },
    backingOff: {
      description: 'The Zeek could not be reached or was lost; waiting for the next attempt.',
      after: { retryIn: 'linked' },
      on: { 'gateway.drain': 'ended' },
    },
    ended: { type: 'final', description: 'Stopped.' },
  },
  output: { reason: 'asked to end' },
});
