import { sendTo, setup } from 'xstate';
import type { MessageOf } from '../src/bus/messages.ts';
import { callbackPort, inboxPort, publishPort } from './port.ts';

/** Delivery to one Bro, in rows since the start of the extension. */
export interface PeerProgress {
  /** Received from osquery for the Bro. */
  readonly taken: number;
  /** In the journal, still to be confirmed by the Bro. */
  readonly pending: number;
  readonly sent: number;
  readonly confirmed: number;
  readonly dropped: number;
  /** When the oldest of the pending came, milliseconds since the epoch; null if there is none. */
  readonly oldestAt: number | null;
}

/** Events of the delivery: progress at most once a second for each Bro, never one per row; losses and its end at once. */
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

/** The courier: sends the journal's rows to each Bro in order, as fast as that Bro confirms them. */
export const courierMachine = setup({
  types: { events: {} as CourierEvent },
  actors: {
    inbox: inboxPort(),
    delivery: callbackPort<{ type: 'drain' }, undefined, DeliveryEvent>('delivery'),
  },
  actions: {
    publish: publishPort,
  },
  delays: { patience: 3_000 },
}).createMachine({
  id: 'courier',
  description: 'Brings rows from the journal to the Bros.',
  invoke: [
    { src: 'inbox', input: { subjects: ['extension.draining'] } },
    { id: 'delivery', src: 'delivery' },
  ],
  initial: 'delivering',
  on: {
    'delivery.progress': {
      actions: { type: 'publish', params: ({ event }) => ({ ...event, type: 'courier.progress' }) },
    },
    'delivery.dropped': {
      actions: { type: 'publish', params: ({ event }) => ({ ...event, type: 'courier.dropped' }) },
    },
    'extension.draining': '.draining',
  },
  states: {
    delivering: {
      description:
        'Each Bro gets its rows at its own pace; progress changes with each row and is not a state.',
    },
    draining: {
      description: 'Rows in flight are confirmed; the rest waits in the journal for the next start.',
      entry: sendTo('delivery', { type: 'drain' }),
      on: { 'delivery.drained': 'ended' },
      after: { patience: 'ended' },
    },
    ended: { type: 'final', description: 'Nothing more is sent.' },
  },
});
