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
  | { readonly type: 'gateway.drain' };

/** Milliseconds. */
export interface GatewayTiming {
  /** First pause before the Zeek is tried again; doubles with each round of failures. */
  readonly backOffBase: number;
  readonly backOffMax: number;
  /** Pause before the port is tried again. */
  readonly listenPause: number;
}

export interface GatewayInput {
  /** How many ways lead to the Zeek. */
  readonly ways: number;
  readonly timing: GatewayTiming;
}

interface GatewayContext {
  readonly ways: number;
  readonly timing: GatewayTiming;
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
  },
  delays: {
    retryIn: ({ context }) => context.retryIn,
    listenPause: ({ context }) => context.timing.listenPause,
  },
}).createMachine({
  id: 'gateway',
  description: 'A gateway between a Zeek and any number of hosts.',
  context: ({ input }) => ({
    ways: input.ways,
    timing: input.timing,
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
          initial: 'binding',
          exit: 'forgetPort',
          states: {
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
