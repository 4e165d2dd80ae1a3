import { assign, setup } from 'xstate';
import type { MessageOf } from '../src/bus/messages.ts';
import { callbackPort, inboxPort, publishPort } from './port.ts';

/**
 * Events of the logger plugin: counts at most once a second, never one per call or row; when the journal begins to refuse
 * rows or to accept them again, at once.
 */
export type LoggerEvent =
  /** osqueryd (named) uses the extension as a logger. */
  | { readonly type: 'calls.attached'; readonly by: string }
  /** Counts since our start. */
  | {
      readonly type: 'calls.progress';
      readonly calls: number;
      readonly bytes: number;
      /** Time until they were answered: the sum, and the longest since the last event. */
      readonly milliseconds: number;
      readonly longest: number;
    }
  /** The first call of any whose rows the journal does not take; more of them are counted in what follows. */
  | { readonly type: 'journal.refused'; readonly reason: string; readonly lost: number }
  | { readonly type: 'journal.recovered'; readonly lost: number }
  | MessageOf<'extension.draining'>;

interface LoggerContext {
  readonly calls: number;
  readonly bytes: number;
  /** Calls whose rows the journal could not take. */
  readonly lost: number;
  readonly reason: string;
}

/** The logger plugin: whether osqueryd logs to the extension, and whether the journal keeps the rows. */
export const loggerPluginMachine = setup({
  types: { context: {} as LoggerContext, events: {} as LoggerEvent },
  actors: { inbox: inboxPort(), calls: callbackPort<{ type: 'none' }, undefined, LoggerEvent>('calls') },
  actions: {
    publish: publishPort,
    count: assign(({ event }) =>
      event.type === 'calls.progress' ? { calls: event.calls, bytes: event.bytes } : {},
    ),
    recordLoss: assign(({ event }) => {
      if (event.type === 'journal.refused') return { lost: event.lost, reason: event.reason };
      if (event.type === 'journal.recovered') return { lost: event.lost, reason: '' };
      return {};
    }),
  },
}).createMachine({
  id: 'logger-plugin',
  description: "osquery's logger plugin `bro`: answers each call once its rows are in the journal.",
  context: { calls: 0, bytes: 0, lost: 0, reason: '' },
  invoke: [{ src: 'inbox', input: { subjects: ['extension.draining'] } }, { src: 'calls' }],
  initial: 'unattached',
  on: {
    'calls.progress': { actions: ['count', { type: 'publish', params: progress }] },
    'extension.draining': '.ended',
  },
  states: {
    unattached: {
      description: 'osqueryd has not called the logger yet. Is bro in --logger_plugin?',
      on: {
        'calls.attached': { target: 'receiving', actions: { type: 'publish', params: attached } },
        'calls.progress': {
          target: 'receiving',
          actions: ['count', { type: 'publish', params: progress }],
        },
        'journal.refused': { target: 'degraded', actions: 'recordLoss' },
      },
    },
    receiving: {
      description: 'Results are in the journal before the call of osquery is answered.',
      on: {
        'calls.attached': { actions: { type: 'publish', params: attached } },
        'journal.refused': { target: 'degraded', actions: 'recordLoss' },
      },
    },
    degraded: {
      description:
        "The journal can't be written; osquery still gets its OK, and the loss is counted and declared.",
      entry: {
        type: 'publish',
        params: ({ context }) => ({ type: 'logger.degraded', reason: context.reason }),
      },
      on: {
        'calls.attached': { actions: { type: 'publish', params: attached } },
        'journal.refused': { actions: 'recordLoss' },
        'journal.recovered': {
          target: 'receiving',
          actions: [
            'recordLoss',
            { type: 'publish', params: ({ event }) => ({ type: 'logger.recovered', lost: event.lost }) },
          ],
        },
      },
    },
    ended: { type: 'final', description: 'Calls are still answered, but nobody counts them here.' },
  },
});

function progress({ event }: { event: Extract<LoggerEvent, { type: 'calls.progress' }> }) {
  return { ...event, type: 'logger.progress' } as const;
}

function attached({ event }: { event: Extract<LoggerEvent, { type: 'calls.attached' }> }) {
  return { type: 'logger.attached', by: event.by } as const;
}
