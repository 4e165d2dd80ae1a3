import { assign, sendTo, setup } from 'xstate';
import type { MessageOf } from '../src/bus/messages.ts';
import { callbackPort, inboxPort, publishPort } from './port.ts';

/** How far one Bro is, in rows since our start. */
export interface PeerProgress {
  /** In the journal, still to be confirmed by the Bro. */
  readonly pending: number;
  readonly sent: number;
  readonly confirmed: number;
  readonly dropped: number;
  /** When the oldest of the pending came, milliseconds since the epoch; null if there is none. */
  readonly oldestAt: number | null;
}

/** What the delivery tells, at most once a second and Bro: no event per row. */
export type DeliveryEvent =
  | ({ readonly type: 'delivery.progress'; readonly peer: string } & PeerProgress)
  | {
      readonly type: 'delivery.dropped';
      readonly peer: string;
      readonly rows: number;
      readonly reason: string;
    }
  | { readonly type: 'delivery.drained' };

export type CourierEvent = DeliveryEvent | MessageOf<'extension.draining'>;

interface CourierContext {
  readonly peers: Readonly<Record<string, PeerProgress>>;
}

const isBehind = (progress: PeerProgress): boolean => progress.pending > 0;

/** The courier: brings the journal's rows to each Bro, in order, at the pace that Bro takes them. */
export const courierMachine = setup({
  types: { context: {} as CourierContext, events: {} as CourierEvent },
  actors: {
    inbox: inboxPort(),
    delivery: callbackPort<{ type: 'drain' }, undefined, DeliveryEvent>('delivery'),
  },
  actions: {
    publish: publishPort,
    record: assign({
      peers: ({ context, event }) => {
        if (event.type !== 'delivery.progress') return context.peers;
        const { type: _, peer, ...progress } = event;
        return { ...context.peers, [peer]: progress };
      },
    }),
  },
  guards: {
    someBehind: ({ context }) => Object.values(context.peers).some(isBehind),
    noneBehind: ({ context }) => !Object.values(context.peers).some(isBehind),
  },
  delays: { patience: 3_000 },
}).createMachine({
  id: 'courier',
  description: 'Brings rows from the journal to the Bros.',
  context: { peers: {} },
  invoke: [
    { src: 'inbox', input: { subjects: ['extension.draining'] } },
    { id: 'delivery', src: 'delivery' },
  ],
  initial: 'caughtUp',
  on: {
    'delivery.progress': {
      actions: [
        'record',
        { type: 'publish', params: ({ event }) => ({ ...event, type: 'courier.progress' }) },
      ],
    },
    'delivery.dropped': {
      actions: { type: 'publish', params: ({ event }) => ({ ...event, type: 'courier.dropped' }) },
    },
    'extension.draining': '.draining',
  },
  states: {
    caughtUp: {
      description: 'Every Bro has confirmed what there is for it.',
      always: { guard: 'someBehind', target: 'delivering' },
    },
    delivering: {
      description: 'Rows are on their way, or wait for a Bro that is away.',
      always: { guard: 'noneBehind', target: 'caughtUp' },
    },
    draining: {
      description: 'What is under way is finished; the rest waits in the journal for our next start.',
      entry: sendTo('delivery', { type: 'drain' }),
      on: { 'delivery.drained': 'ended' },
      after: { patience: 'ended' },
    },
    ended: { type: 'final', description: 'Nothing more is sent.' },
  },
});
