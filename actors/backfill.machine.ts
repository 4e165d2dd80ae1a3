import { and, assign, sendTo, setup, stateIn } from 'xstate';
import { callbackPort, promisePort, publishPort } from './port.ts';

/** Events about osqueryd, its log calls and this process; times in milliseconds since the epoch. */
export type AttendanceEvent =
  /** osqueryd has registered the extension and may call it from now on: its calls are held. */
  | { readonly type: 'osquery.registering' }
  /** osqueryd lists the extension: told at a registration and at each later check. */
  | { readonly type: 'osquery.seen'; readonly at: number }
  /** osqueryd runs, but no longer lists the extension. */
  | { readonly type: 'osquery.forgotten' }
  /** osqueryd has ended. */
  | { readonly type: 'osquery.gone' }
  /** This process did not run for a while: calls are held. */
  | { readonly type: 'process.stalled'; readonly at: number }
  /** The calls in progress are in the journal. */
  | { readonly type: 'calls.settled' }
  /** A call is held. */
  | { readonly type: 'call.waiting' }
  /** No call came before osqueryd registered the extension again. */
  | { readonly type: 'calls.superseded' }
  /** The held calls go on; with `open`, later calls are not held. */
  | { readonly type: 'calls.released'; readonly open: boolean };

/** What the machine has done with osqueryd's log calls; see `CallGate`. */
export type CallCommand =
  | { readonly type: 'settle' }
  | { readonly type: 'await' }
  | { readonly type: 'release' }
  | { readonly type: 'end' };

export type BackfillEvent =
  | AttendanceEvent
  /** The state directory is open; `heartbeat`: when a former process was last known to osqueryd, if it did not end in order. */
  | { readonly type: 'state.opened'; readonly at: number; readonly heartbeat: number | null }
  /** The extension ends; `inOrder`: osqueryd no longer runs any of its queries. */
  | { readonly type: 'backfill.end'; readonly inOrder: boolean };

/** What was found in osqueryd's logs. */
export interface Reading {
  readonly rows: number;
  /** Why rows may still be missing; empty if none can be. */
  readonly doubt: string;
}

/** A period in which osqueryd may have had rows that nobody received. */
export interface Loss {
  readonly from: number;
  readonly to: number;
  readonly reason: string;
}

interface BackfillContext {
  /** Since when osqueryd may have had rows that nobody received; null: there is no such period. */
  readonly since: number | null;
  /** When osqueryd last listed the extension; null: not yet. */
  readonly seenAt: number | null;
  /** Since when it has listed the extension, or this process has run again. */
  readonly knownSince: number;
  /** Why its logs may lack some of those rows; empty if they have all. */
  readonly doubt: string;
  /** Rows taken from its logs since the last registration. */
  readonly rows: number;
  /** The period that is being declared. */
  readonly loss: Loss | null;
}

const taken = {
  type: 'takeReading',
  params: ({ event }: { readonly event: { readonly output: Reading } }) => event.output,
} as const;

/** Only where nothing is to be backfilled: until then the next start may have to do it. */
const heartbeat = {
  type: 'writeHeartbeat',
  params: ({ context: { since, seenAt } }: { readonly context: BackfillContext }) => ({
    at: since === null ? seenAt : null,
  }),
} as const;

/** The action that writes, for the next start, when osqueryd last listed the extension; null leaves the file as it is. */
function writeHeartbeatPort(_: unknown, { at }: { readonly at: number | null }): void {
  throw new Error(`writeHeartbeat is not provided for ${at}`);
}

const failed = {
  type: 'takeReading',
  params: ({ event }: { readonly event: { readonly error: unknown } }) => ({
    rows: 0,
    doubt: `osqueryd's logs could not be read: ${String(event.error)}`,
  }),
} as const;

/**
 * Recovers rows that osqueryd computed while nobody answered its log calls. osqueryd does not log them again, so they are
 * read from the files of its logger `filesystem`; what those may lack is declared as lost. This happens after a crash of the
 * extension, after osqueryd has dropped it from its list, and after this process was stopped.
 *
 * The logs are read at each registration and again right before osqueryd's first call is accepted. Its scheduler is a single
 * thread: by then, all that ran before that call is in the logs. That keeps the rows of a query in order.
 */
export const backfillMachine = setup({
  types: { context: {} as BackfillContext, events: {} as BackfillEvent },
  actors: {
    calls: callbackPort<CallCommand, undefined, AttendanceEvent>('calls'),
    readLogs: promisePort<Reading, { readonly until: 'end' | 'waiting call' }>('readLogs'),
    declare: promisePort<void, Loss>('declare'),
    /** Waits for an interrupted reading and for the heartbeat, whose file may be removed then. */
    finish: promisePort<void, { readonly removeHeartbeat: boolean }>('finish'),
  },
  actions: {
    publish: publishPort,
    writeHeartbeat: writeHeartbeatPort,
    see: assign({ seenAt: (_, { at }: { readonly at: number }) => at }),
    become: assign({
      seenAt: (_, { at }: { readonly at: number }) => at,
      knownSince: (_, { at }: { readonly at: number }) => at,
    }),
    /** What the previous process left is older than what this one has seen so far. */
    takeHeartbeat: assign({
      since: ({ context }, { heartbeat }: { readonly heartbeat: number | null }) =>
        heartbeat ?? context.since,
    }),
    missFromLastSeen: assign({ since: ({ context }) => context.since ?? context.seenAt }),
    standStill: assign({
      since: ({ context }) => context.since ?? context.seenAt,
      knownSince: (_, { at }: { readonly at: number }) => at,
    }),
    beginReading: assign({ rows: 0 }),
    // A log that is read a second time looks complete.
    takeReading: assign({
      rows: ({ context }, { rows }: Reading) => context.rows + rows,
      doubt: ({ context }, { doubt }: Reading) => context.doubt || doubt,
    }),
    takeLoss: assign(({ context: { since, knownSince, doubt } }) => ({
      loss: since === null ? null : { from: Math.min(since, knownSince), to: knownSince, reason: doubt },
      since: null,
      doubt: '',
    })),
    forgetLoss: assign({ since: null, doubt: '' }),
  },
  guards: {
    isRegistered: stateIn({ active: { registration: 'registered' } }),
    isSuperseded: stateIn({ active: { recovery: { declaring: 'superseded' } } }),
    isOpen: ({ event }) => event.type === 'calls.released' && event.open,
    hasLoss: ({ context }) => context.since !== null && context.doubt !== '',
    isOrderly: ({ context, event }) =>
      event.type === 'backfill.end' && event.inOrder && context.since === null,
  },
  delays: {
    /** How long after the first reading to wait for osqueryd's first call. */
    firstCall: 5_000,
  },
}).createMachine({
  id: 'backfill',
  description: 'Recovers results that osqueryd could not deliver from its own logs, or declares a gap.',
  context: { since: null, seenAt: null, knownSince: 0, doubt: '', rows: 0, loss: null },
  invoke: { id: 'calls', src: 'calls' },
  initial: 'active',
  states: {
    active: {
      type: 'parallel',
      description: 'The extension is at work.',
      on: {
        'backfill.end': [{ guard: 'isOrderly', target: 'endingInOrder' }, { target: 'ending' }],
      },
      states: {
        recovery: {
          description: 'How far the results in the logs of osqueryd have been recovered.',
          initial: 'opening',
          states: {
            opening: {
              description: 'The state directory is not open yet.',
              initial: 'idle',
              states: {
                idle: {
                  description: 'Nothing can be missing yet.',
                  on: {
                    'osquery.registering': 'due',
                    'process.stalled': 'due',
                    'state.opened': {
                      target: '#backfill.active.recovery.idle',
                      actions: { type: 'takeHeartbeat', params: ({ event }) => event },
                    },
                  },
                },
                due: {
                  description: 'Calls are held until the journal is open.',
                  on: {
                    'state.opened': {
                      target: '#backfill.active.recovery.settling',
                      actions: { type: 'takeHeartbeat', params: ({ event }) => event },
                    },
                  },
                },
              },
            },
            idle: {
              description: 'The extension is not registered yet.',
              on: { 'osquery.registering': 'settling', 'process.stalled': 'stalled' },
            },
            settling: {
              description: 'The extension is registered; calls in progress are finished first.',
              entry: ['beginReading', sendTo('calls', { type: 'settle' })],
              on: { 'calls.settled': 'reading' },
            },
            stalled: {
              description:
                'The process was suspended, and calls may be lost; those in progress are finished first.',
              entry: ['beginReading', sendTo('calls', { type: 'settle' })],
              on: { 'calls.settled': 'reading' },
            },
            reading: {
              description: "osqueryd's logs are read to their end; calls are held.",
              invoke: {
                src: 'readLogs',
                input: { until: 'end' },
                onDone: { target: 'gated', actions: taken },
                onError: { target: 'gated', actions: failed },
              },
            },
            gated: {
              description:
                'Waits for the first call of osqueryd: what it has run before is in its logs then.',
              entry: sendTo('calls', { type: 'await' }),
              on: { 'call.waiting': 'rereading', 'calls.superseded': 'releasing' },
              after: { firstCall: 'rereading' },
            },
            rereading: {
              description: 'The logs are read once more, up to the call that waits.',
              invoke: {
                src: 'readLogs',
                input: { until: 'waiting call' },
                onDone: { target: 'releasing', actions: taken },
                onError: { target: 'releasing', actions: failed },
              },
            },
            releasing: {
              description: 'The held calls are handled.',
              entry: sendTo('calls', { type: 'release' }),
              on: { 'calls.released': [{ guard: 'isOpen', target: 'recovered' }, { target: 'settling' }] },
            },
            recovered: {
              description: 'All that the logs have is recovered; the registration is still to be confirmed.',
              always: [
                { guard: and(['isRegistered', 'hasLoss']), target: 'declaring', actions: 'takeLoss' },
                { guard: 'isRegistered', target: 'current', actions: 'forgetLoss' },
              ],
              on: { 'osquery.registering': 'settling', 'process.stalled': 'stalled' },
            },
            declaring: {
              description: 'Zeeks with subscriptions are notified of the time whose rows may be missing.',
              invoke: {
                src: 'declare',
                input: ({ context }) => context.loss ?? { from: 0, to: 0, reason: '' },
                onDone: [{ guard: 'isSuperseded', target: 'settling' }, { target: 'current' }],
                onError: [{ guard: 'isSuperseded', target: 'settling' }, { target: 'current' }],
              },
              initial: 'last',
              states: {
                last: {
                  description: 'Nothing else is to be read.',
                  on: { 'osquery.registering': 'superseded', 'process.stalled': 'superseded' },
                },
                superseded: { description: 'The logs are to be read again afterwards.' },
              },
            },
            current: {
              description: 'osqueryd delivers its results.',
              entry: [
                heartbeat,
                {
                  type: 'publish',
                  params: ({ context: { rows, loss } }) => ({ type: 'backfill.completed', rows, loss }),
                },
                assign({ loss: null }),
              ],
              on: { 'osquery.registering': 'settling', 'process.stalled': 'stalled' },
            },
          },
        },
        registration: {
          description: 'Whether the extension is registered with osqueryd.',
          initial: 'unregistered',
          states: {
            unregistered: {
              description: 'Not registered, or osqueryd has exited: it runs none of our queries.',
              on: {
                'osquery.seen': {
                  target: 'registered',
                  actions: { type: 'become', params: ({ event }) => event },
                },
              },
            },
            registered: {
              description: 'Registered, which is checked every few seconds.',
              entry: heartbeat,
              on: {
                'osquery.seen': { actions: [{ type: 'see', params: ({ event }) => event }, heartbeat] },
                'state.opened': { actions: [{ type: 'see', params: ({ event }) => event }, heartbeat] },
                'osquery.forgotten': { target: 'forgotten', actions: 'missFromLastSeen' },
                'osquery.gone': 'unregistered',
                'process.stalled': { actions: { type: 'standStill', params: ({ event }) => event } },
              },
            },
            forgotten: {
              description: 'osqueryd runs, but has dropped the registration: its results are not delivered.',
              on: {
                'osquery.seen': {
                  target: 'registered',
                  actions: { type: 'become', params: ({ event }) => event },
                },
                'osquery.gone': 'unregistered',
              },
            },
          },
        },
      },
    },
    endingInOrder: {
      description:
        'osqueryd runs none of our queries, and nothing is left to recover: the heartbeat file is removed.',
      entry: sendTo('calls', { type: 'end' }),
      invoke: { src: 'finish', input: { removeHeartbeat: true }, onDone: 'ended', onError: 'ended' },
    },
    ending: {
      description: 'The rest is left to the next start, which learns of it by the heartbeat file.',
      entry: sendTo('calls', { type: 'end' }),
      invoke: { src: 'finish', input: { removeHeartbeat: false }, onDone: 'ended', onError: 'ended' },
    },
    ended: { type: 'final', description: 'Nothing more is read.' },
  },
});
