import { assign, type DoneActorEvent, type ErrorActorEvent, enqueueActions, setup } from 'xstate';
import type { MessageOf } from '../src/bus/messages.ts';
import type { Descriptions, Executed, Question } from '../src/schedule/description.ts';
import type { ScheduleEvent } from '../src/schedule/events.ts';
import type { Policy } from '../src/schedule/policy.ts';
import { type RenderedSchedule, renderedOf } from '../src/schedule/render.ts';
import { type Execution, executions, initialState, type ScheduleState } from '../src/schedule/schedule.ts';
import { reasonOf } from '../src/text/reason.ts';
import { type ColumnRequests, columnRequestsOf } from './column-requests.ts';
import { finished, fresh, superfluous } from './one-time-queries.ts';
import { inboxPort, promisePort, publishAllPort, publishPort } from './port.ts';
import type { Pending, ScheduleInput } from './schedule-commands.ts';
import {
  blockedMessages,
  type Decided,
  decideAll,
  messagesOf,
  refusalsForLog,
  reviewed,
} from './schedule-decisions.ts';
import { nextReview, SUSPENSIONS_DUE, type SuspensionsDue } from './suspensions-due.ts';
import { silenceAfter, silenceId, ZEEK_SILENCE, type ZeekSilent } from './zeek-silence.ts';

export interface ScheduleManagerInput {
  /** The state that the log folds to, and the sequence number of its last record. */
  readonly schedule: ScheduleState;
  readonly sequence: number;
  readonly policy: Policy;
  /** The start and the configuration as far as it is known: the first messages to decide on. */
  readonly pending: readonly Pending[];
  /** Names of the tables that osquery has; empty while unknown. */
  readonly tables: readonly string[];
}

export type ScheduleManagerEvent =
  | ScheduleInput
  | ZeekSilent
  | SuspensionsDue
  | MessageOf<'osquery.host'>
  | (DoneActorEvent<Executed> & { readonly type: 'xstate.done.actor.*' })
  | (ErrorActorEvent & { readonly type: 'xstate.error.actor.*' });

interface ScheduleManagerContext {
  readonly schedule: ScheduleState;
  /** The schedule as osquery is to have it. */
  readonly rendered: RenderedSchedule;
  /** The sequence number of the last record of the log, after which the next events come. */
  readonly sequence: number;
  readonly policy: Policy;
  readonly tables: readonly string[];
  /** Messages in order of arrival; the first `batch` of them are being decided on. */
  readonly pending: readonly Pending[];
  readonly batch: number;
  readonly decided: Decided;
  /** One-time queries that are being run. */
  readonly running: readonly Execution[];
}

/** Events to append after that record, or not at all. */
export interface Append {
  readonly expected: number;
  readonly events: readonly ScheduleEvent[];
}

/** The events are in the log. */
export interface Appended {
  /** The sequence number of the last one. */
  readonly sequence: number;
}

/** The most messages in one append. */
const LARGEST_BATCH = 256;

/** The most requests of one Bro that may wait; a Bro that sends more is told that the host can't keep up. */
const LONGEST_QUEUE = 1_000;

const NOTHING_DECIDED: Decided = { next: initialState(), rendered: null, events: [], refusals: [] };

const SUBJECTS = [
  'osquery.configured',
  'osquery.host',
  'osquery.*.denylisted',
  'osquery.*.columns-doubted',
  'osquery.columns-due',
  'osquery.*.query-failed',
  'osquery.*.query-works',
  'osquery.identified',
  'osquery.shutdown',
  'osquery.schedule-applied',
  'osquery.schedule-refused',
  'peer.*.up',
  'peer.*.down',
  'peer.*.resynced',
  'peer.*.expired',
  'peer.*.request',
  'courier.*.dropped',
  'execution.*.finished',
  'extension.draining',
];

function batchOf({ pending, batch }: ScheduleManagerContext): readonly Pending[] {
  return pending.slice(0, batch);
}

function questionsIn(context: ScheduleManagerContext): ColumnRequests {
  return columnRequestsOf(batchOf(context), context.schedule, context.policy);
}

/** Messages that are queued unchanged. */
const enqueued = { type: 'enqueue', params: ({ event }: { readonly event: Pending }) => event } as const;

const appended = {
  type: 'takeSequence',
  params: ({ event }: { readonly event: { readonly output: Appended } }) => event.output,
} as const;

/** Decides on the Bros' requests: first the event log, then the state, then the effects. */
export const scheduleManagerMachine = setup({
  types: {
    context: {} as ScheduleManagerContext,
    events: {} as ScheduleManagerEvent,
    input: {} as ScheduleManagerInput,
  },
  actors: {
    inbox: inboxPort(),
    describe: promisePort<Descriptions, { readonly queries: readonly Question[] }>('describe'),
    append: promisePort<Appended, Append>('append'),
    execute: promisePort<Executed, Execution>('execute'),
  },
  actions: {
    publish: publishPort,
    publishAll: publishAllPort,
    enqueue: assign({
      pending: ({ context }, news: Pending) => [...context.pending, news],
    }),
    takeSequence: assign({ sequence: (_, { sequence }: Appended) => sequence }),
    takePolicy: assign({ policy: (_, policy: Policy) => policy }),
    takeTables: assign({ tables: (_, tables: readonly string[]) => tables }),
    takeBatch: assign({ batch: ({ context }) => Math.min(context.pending.length, LARGEST_BATCH) }),
    decide: assign({
      decided: ({ context }, descriptions: Descriptions) =>
        decideAll(
          context.schedule,
          batchOf(context),
          { ...questionsIn(context).refused, ...descriptions },
          context.tables,
          context.policy,
        ),
    }),
    putInForce: assign(({ context }) => ({
      schedule: context.decided.next,
      rendered: context.decided.rendered ?? context.rendered,
      pending: context.pending.slice(context.batch),
      batch: 0,
      decided: NOTHING_DECIDED,
    })),
    dropRequests: assign(({ context }) => ({
      pending: context.pending.filter((news, at) => at >= context.batch || news.type !== 'peer.request'),
      batch: 0,
      decided: NOTHING_DECIDED,
    })),
  },
  guards: {
    hasPending: ({ context }) => context.pending.length > 0,
    isFlooding: ({ context, event }) =>
      event.type === 'peer.request' &&
      context.pending.filter((news) => news.type === 'peer.request' && news.peer === event.peer).length >=
        LONGEST_QUEUE,
    isGreeting: ({ event }) => event.type === 'peer.request' && event.request.type === 'greet',
    isEmpty: ({ context }) => context.decided.events.length === 0,
    stopsHere: ({ context }) => context.decided.events.some(({ type }) => type === 'ExtensionStopped'),
  },
  delays: { retryPause: 1_000 },
}).createMachine({
  id: 'schedule-manager',
  description: 'Decides on requests of Bros, logs the events, applies them.',
  context: ({ input }) => ({
    ...input,
    rendered: renderedOf(input.schedule),
    batch: 0,
    decided: NOTHING_DECIDED,
    running: [],
  }),
  invoke: { src: 'inbox', input: { subjects: SUBJECTS } },
  on: {
    'osquery.configured': {
      actions: [{ type: 'takePolicy', params: ({ event }) => event.policy }, enqueued],
    },
    'osquery.host': { actions: { type: 'takeTables', params: ({ event }) => event.host.tables } },
    'osquery.denylisted': { actions: enqueued },
    'osquery.columns-doubted': { actions: enqueued },
    'osquery.columns-due': { actions: enqueued },
    'osquery.query-failed': { actions: enqueued },
    'osquery.query-works': { actions: enqueued },
    'osquery.identified': { actions: enqueued },
    'osquery.shutdown': { actions: enqueued },
    'suspensions.due': { actions: enqueued },
    'osquery.schedule-applied': { actions: enqueued },
    'osquery.schedule-refused': { actions: enqueued },
    'peer.up': { actions: enqueued },
    'peer.down': { actions: enqueued },
    'peer.resynced': { actions: enqueued },
    'peer.expired': { actions: enqueued },
    'peer.request': [
      {
        guard: 'isFlooding',
        actions: {
          type: 'publishAll',
          params: ({ event }) =>
            refusalsForLog([event], `${LONGEST_QUEUE} requests of this Zeek are waiting already`),
        },
      },
      {
        guard: 'isGreeting',
        actions: [
          enqueueActions(({ event, enqueue }) => {
            const silent = silenceAfter(event);
            const id = silenceId(silent);
            enqueue.cancel(id);
            enqueue.raise(silent, { id, delay: ZEEK_SILENCE });
          }),
          enqueued,
        ],
      },
      { actions: enqueued },
    ],
    'zeek.silent': { actions: enqueued },
    'courier.dropped': { actions: enqueued },
    'execution.finished': { actions: enqueued },
    'extension.draining': { actions: enqueued },
    'xstate.done.actor.*': {
      actions: {
        type: 'publishAll',
        params: ({ context, event }) => finished(context, event.actorId, event.output),
      },
    },
    'xstate.error.actor.*': {
      actions: {
        type: 'publishAll',
        params: ({ context, event }) =>
          finished(context, event.actorId, { rows: 0, error: reasonOf(event.error) }),
      },
    },
  },
  initial: 'idle',
  states: {
    idle: {
      description: 'Nothing waits to be decided.',
      always: { guard: 'hasPending', target: 'describing' },
    },
    describing: {
      description: 'Asking osquery for the columns of the requested queries.',
      entry: 'takeBatch',
      invoke: {
        src: 'describe',
        input: ({ context }) => ({ queries: questionsIn(context).queries }),
        onDone: { target: 'deciding', actions: { type: 'decide', params: ({ event }) => event.output } },
        onError: {
          target: 'blocked',
          actions: [
            {
              type: 'publishAll',
              params: ({ context, event }) => blockedMessages(batchOf(context), reasonOf(event.error)),
            },
            'dropRequests',
          ],
        },
      },
    },
    deciding: {
      description: 'The requests are decided; is there anything to log?',
      always: [{ guard: 'isEmpty', target: 'inForce' }, { target: 'logging' }],
    },
    logging: {
      description: 'Appending the events to the event log; only then do they hold.',
      invoke: {
        src: 'append',
        input: ({ context }) => ({ expected: context.sequence, events: context.decided.events }),
        onDone: [
          { guard: 'stopsHere', target: 'ended', actions: [appended, 'putInForce'] },
          { target: 'inForce', actions: appended },
        ],
        onError: {
          target: 'blocked',
          actions: [
            {
              type: 'publishAll',
              params: ({ context, event }) => blockedMessages(batchOf(context), reasonOf(event.error)),
            },
            'dropRequests',
          ],
        },
      },
    },
    inForce: {
      description: 'The state follows the log, and the change is published.',
      entry: [
        { type: 'publishAll', params: ({ context }) => messagesOf(context.schedule, context.decided) },
        { type: 'publishAll', params: ({ context }) => reviewed(batchOf(context)) },
        enqueueActions(({ context, enqueue }) => {
          const now = batchOf(context).at(-1)?.at;
          const next = now === undefined ? null : nextReview(context.decided.next, now);
          enqueue.cancel(SUSPENSIONS_DUE);
          if (next) enqueue.raise(next.event, { id: SUSPENSIONS_DUE, delay: next.delay });
        }),
        'putInForce',
        {
          type: 'publishAll',
          params: ({ context }) =>
            fresh(context).map(({ name, peer }) => ({ type: 'execution.started', name, peer }) as const),
        },
        enqueueActions(({ context, enqueue }) => {
          for (const { name } of superfluous(context)) enqueue.stopChild(name);
          for (const execution of fresh(context)) {
            enqueue.spawnChild('execute', { id: execution.name, input: execution });
          }
          enqueue.assign({ running: executions(context.schedule) });
        }),
      ],
      always: 'idle',
    },
    blocked: {
      description:
        "The log can't be written: requests are refused with the reason, everything else is retried.",
      after: { retryPause: 'idle' },
    },
    ended: { type: 'final', description: 'The stop is in the log.' },
  },
});
