import { assign, not, sendTo, setup } from 'xstate';
import type { MessageOf } from '../src/bus/messages.ts';
import { token } from '../src/text/subject-token.ts';
import type { Host } from '../src/vocabulary/model.ts';
import {
  type ConnectionCommand,
  type ConnectionEvent,
  type LinkTiming,
  type PeerTimeouts,
  pauseAfter,
} from './bro-link.ts';
import * as news from './bro-peer-messages.ts';
import { callbackPort, inboxPort, publishPort } from './port.ts';

export interface BroPeerInput {
  readonly peer: string;
  readonly host: Host;
  readonly timing: LinkTiming;
  readonly patience: PeerTimeouts;
}

export type BroPeerEvent =
  | ConnectionEvent
  | MessageOf<'peer.tell'>
  | { readonly type: 'host.changed'; readonly host: Host }
  | { readonly type: 'patience.changed'; readonly patience: PeerTimeouts }
  /** The settings of the connection have changed. */
  | { readonly type: 'endpoint.changed' }
  | { readonly type: 'peer.drain' };

interface BroPeerContext {
  readonly peer: string;
  readonly host: Host;
  readonly timing: LinkTiming;
  readonly patience: PeerTimeouts;
  /** Failures since the last healthy connection. */
  readonly failures: number;
  /** Pause before the next attempt, ms. */
  readonly retryIn: number;
  readonly incarnation: string;
  /** How often the host says hello, ms; null where once is enough. */
  readonly helloInterval: number | null;
  readonly requests: number;
  /** What is wrong with the stream that keeps rows on their way; empty: nothing, or there is none. */
  readonly streamTrouble: string;
  /** Why the last connection ended. */
  readonly lastClose: { readonly code: string; readonly reason: string } | null;
}

/** One Bro: connects, exchanges messages, reconnects, and drops its subscriptions when it stays away. */
export const broPeerMachine = setup({
  types: {
    context: {} as BroPeerContext,
    events: {} as BroPeerEvent,
    input: {} as BroPeerInput,
  },
  actors: {
    inbox: inboxPort(),
    connection: callbackPort<
      ConnectionCommand,
      { readonly peer: string; readonly host: Host },
      ConnectionEvent
    >('connection'),
  },
  actions: {
    publish: publishPort,
    takeHost: assign({
      host: ({ context, event }) => (event.type === 'host.changed' ? event.host : context.host),
    }),
    takePatience: assign({ patience: (_, patience: PeerTimeouts) => patience }),
    countRequest: assign({ requests: ({ context }) => context.requests + 1 }),
    recordUp: assign(({ event }) => {
      if (event.type !== 'connection.up') return {};
      const { incarnation, helloInterval } = event;
      return { incarnation, helloInterval, streamTrouble: '' };
    }),
    recordStream: assign({
      streamTrouble: ({ context, event }) =>
        event.type === 'connection.stream' ? event.trouble : context.streamTrouble,
    }),
    recordRenewal: assign(({ event }) =>
      event.type === 'connection.closed'
        ? {
            failures: 0,
            retryIn: 0,
            streamTrouble: '',
            lastClose: { code: event.code, reason: event.reason },
          }
        : {},
    ),
    forgetFailures: assign({ failures: 0 }),
    recordClose: assign(({ context, event }) => {
      if (event.type !== 'connection.closed') return {};
      const healthy = event.upFor >= context.timing.healthyAfter || UNHARMED.has(event.code);
      const failures = healthy ? 0 : context.failures + 1;
      return {
        failures,
        streamTrouble: '',
        retryIn: pauseAfter(event, failures, context.timing),
        lastClose: { code: event.code, reason: event.reason },
      };
    }),
  },
  guards: {
    isPhase: ({ event }, params: { readonly phase: string }) =>
      event.type === 'connection.phase' && event.phase === params.phase,
    isSuspect: ({ event }) => event.type === 'connection.suspect' && event.suspect,
    repeatsHello: ({ context }) => context.helloInterval !== null,
    holdsRows: ({ event }) => event.type === 'connection.stream' && event.holdsRows,
    isRefused: ({ event }) => event.type === 'connection.closed' && event.refused,
  },
  delays: {
    retryIn: ({ context }) => context.retryIn,
    helloInterval: ({ context }) => context.helloInterval ?? 0,
    resyncWindow: ({ context }) => context.patience.resyncWindow,
    expiry: ({ context }) => context.patience.expiry,
  },
}).createMachine({
  id: 'bro-peer',
  description: 'One Bro, named by its configured address.',
  context: ({ input }) => ({
    peer: input.peer,
    host: input.host,
    timing: input.timing,
    patience: input.patience,
    failures: 0,
    retryIn: 0,
    incarnation: '',
    helloInterval: null,
    requests: 0,
    streamTrouble: '',
    lastClose: null,
  }),
  invoke: {
    src: 'inbox',
    input: ({ context }) => ({ subjects: [`peer.${token(context.peer)}.tell`] }),
  },
  type: 'parallel',
  on: {
    'host.changed': { actions: 'takeHost' },
    'patience.changed': { actions: { type: 'takePatience', params: ({ event }) => event.patience } },
  },
  states: {
    link: {
      description: 'The connection to the Bro.',
      initial: 'linked',
      states: {
        linked: {
          description: 'Connected or connecting.',
          initial: 'resolving',
          invoke: {
            id: 'connection',
            src: 'connection',
            input: ({ context }) => ({ peer: context.peer, host: context.host }),
          },
          on: {
            'connection.phase': [
              { guard: { type: 'isPhase', params: { phase: 'resolving' } }, target: '.resolving' },
              { guard: { type: 'isPhase', params: { phase: 'connecting' } }, target: '.connecting' },
              { guard: { type: 'isPhase', params: { phase: 'securing' } }, target: '.securing' },
              { guard: { type: 'isPhase', params: { phase: 'handshaking' } }, target: '.handshaking' },
            ],
            'connection.up': {
              target: '.peered',
              actions: ['recordUp', { type: 'publish', params: news.up }],
            },
            'connection.problem': { actions: { type: 'publish', params: news.problem } },
            'connection.stream': { actions: 'recordStream' },
            'connection.closed': [
              { guard: 'isRefused', target: 'refused', actions: 'recordClose' },
              { target: 'backingOff', actions: 'recordClose' },
            ],
            // Also a connection that is not up yet: it is to come up with the current filter and groups.
            'host.changed': {
              actions: [
                'takeHost',
                sendTo('connection', ({ event }) => ({ type: 'host', host: event.host }) as const),
              ],
            },
            'endpoint.changed': '.renewing',
            'peer.drain': '.draining',
          },
          states: {
            resolving: { description: "Resolving the name in the Bro's address." },
            connecting: { description: 'Opening a TCP connection.' },
            securing: { description: 'TLS handshake.' },
            handshaking: { description: 'Handshake of Broker, WebSocket or NATS.' },
            peered: {
              description: 'Peered: events flow both ways.',
              type: 'parallel',
              on: {
                'peer.tell': {
                  actions: sendTo(
                    'connection',
                    ({ event }) => ({ type: 'tell', notice: event.notice }) as const,
                  ),
                },
                'connection.request': {
                  actions: ['countRequest', { type: 'publish', params: news.request }],
                },
              },
              states: {
                sync: {
                  initial: 'resyncing',
                  states: {
                    resyncing: {
                      description:
                        'The resync window is open: the Bro may repeat its requests, and nothing ends.',
                      after: {
                        resyncWindow: {
                          target: 'settled',
                          actions: { type: 'publish', params: news.resynced },
                        },
                      },
                    },
                    settled: { description: 'Requests that the Bro did not repeat have ended.' },
                  },
                },
                hello: {
                  initial: 'said',
                  states: {
                    said: {
                      description: 'The host has introduced itself.',
                      always: { guard: 'repeatsHello', target: 'repeating' },
                    },
                    repeating: {
                      description: 'A vocabulary repeats its announcement.',
                      after: {
                        helloInterval: {
                          target: 'repeating',
                          reenter: true,
                          actions: sendTo('connection', { type: 'hello' }),
                        },
                      },
                    },
                  },
                },
                health: {
                  initial: 'responsive',
                  states: {
                    responsive: {
                      description: 'The Bro responds.',
                      on: {
                        'connection.suspect': {
                          guard: 'isSuspect',
                          target: 'suspect',
                          actions: { type: 'publish', params: news.suspect },
                        },
                      },
                    },
                    suspect: {
                      description:
                        'The Bro has not responded for a while; the connection will be closed soon.',
                      on: {
                        'connection.suspect': {
                          guard: not('isSuspect'),
                          target: 'responsive',
                          actions: { type: 'publish', params: news.suspect },
                        },
                      },
                    },
                  },
                },
                rows: {
                  initial: 'flowing',
                  states: {
                    flowing: {
                      description: 'Rows are sent as they come.',
                      on: {
                        'connection.stream': { guard: 'holdsRows', target: 'held', actions: 'recordStream' },
                      },
                    },
                    held: {
                      description:
                        'The stream on the way to the Bro takes no rows; they wait here, requests are heard.',
                      on: {
                        'connection.stream': {
                          guard: not('holdsRows'),
                          target: 'flowing',
                          actions: 'recordStream',
                        },
                      },
                    },
                  },
                },
              },
            },
            renewing: {
              description:
                'Its settings have changed: disconnecting cleanly, to reconnect with the new ones.',
              entry: sendTo('connection', { type: 'leave' }),
              on: {
                'connection.closed': {
                  target: '#bro-peer.link.linked',
                  reenter: true,
                  actions: ['recordRenewal', { type: 'publish', params: news.down }],
                },
                'connection.phase': {},
                'connection.up': {},
                'endpoint.changed': {},
              },
            },
            draining: {
              description: 'Disconnecting cleanly.',
              entry: sendTo('connection', { type: 'leave' }),
              on: {
                'connection.closed': '#bro-peer.link.ended',
                'connection.phase': {},
                'connection.up': {},
                'endpoint.changed': {},
              },
            },
          },
        },
        backingOff: {
          description: 'The Bro could not be reached or was lost; waiting for the next attempt.',
          entry: { type: 'publish', params: news.down },
          after: { retryIn: 'linked' },
          on: {
            'peer.drain': 'ended',
            'endpoint.changed': { target: 'linked', actions: 'forgetFailures' },
          },
        },
        refused: {
          description: 'The Bro or our own policy refused the connection; waiting long for the next attempt.',
          entry: { type: 'publish', params: news.down },
          after: { retryIn: 'linked' },
          on: {
            'peer.drain': 'ended',
            'endpoint.changed': { target: 'linked', actions: 'forgetFailures' },
          },
        },
        ended: { type: 'final', description: 'This Bro is no longer configured, or the extension stops.' },
      },
    },
    presence: {
      description: 'Whether the Bro was seen recently enough to keep its subscriptions.',
      initial: 'absent',
      on: { 'peer.drain': '.ended' },
      states: {
        present: {
          description: 'Peered.',
          on: { 'connection.closed': 'absent' },
        },
        absent: {
          description: 'Not peered; its subscriptions are kept until they expire.',
          after: {
            expiry: {
              target: 'expired',
              actions: { type: 'publish', params: news.expired },
            },
          },
          on: { 'connection.up': 'present' },
        },
        expired: {
          description: 'Away for too long: its subscriptions have expired.',
          on: { 'connection.up': 'present' },
        },
        ended: { type: 'final', description: 'No longer tracked.' },
      },
    },
  },
});

/** Ends of a connection that do not count as failures of the Bro. */
const UNHARMED: ReadonlySet<string> = new Set(['filter-changed', 'moved']);
