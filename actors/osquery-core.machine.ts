import { assign, setup } from 'xstate';
import type { Configuration, MessageOf } from '../src/bus/messages.ts';
import type { RenderedSchedule } from '../src/schedule/render.ts';
import { reasonOf } from '../src/text/reason.ts';
import type { Host } from '../src/vocabulary/model.ts';
import { callbackPort, inboxPort, promisePort, publishPort } from './port.ts';

/** Milliseconds. */
export interface OsqueryTiming {
  /** How long to wait for osqueryd before giving up, if we give up at all. */
  readonly patience: number;
  /** Pause between attempts to reach or register with the manager. */
  readonly retryPause: number;
  /** Changes of the schedule within this time go to osquery as one. */
  readonly debounce: number;
  /** Pause before a schedule that osquery refused is offered again. */
  readonly refusedPause: number;
}

export interface OsqueryCoreInput {
  readonly timing: OsqueryTiming;
  /** Whether to end when osqueryd stays away: its watcher starts the extension again. */
  readonly givesUp: boolean;
}

/** How a reading of the configuration ended. */
export type Configured =
  | {
      readonly outcome: 'configured';
      readonly configuration: Configuration;
      /** The Bros whose connection settings have changed. */
      readonly changed: readonly string[];
    }
  | { readonly outcome: 'refused'; readonly problems: readonly string[] };

/** How a registration ended, when it did not fail on the way. */
export type Registered =
  | { readonly outcome: 'registered'; readonly uuid: string }
  /** osquery still lists an earlier process of the extension, or one that runs. */
  | { readonly outcome: 'duplicate'; readonly alive: boolean };

/** What osquery has taken. */
export interface Applied {
  readonly hash: string;
  readonly entries: number;
}

/** What the watch over a registration reports. */
export type WatchEvent =
  | { readonly type: 'watch.lost'; readonly reason: string }
  | { readonly type: 'watch.configured'; readonly result: Configured }
  | { readonly type: 'watch.host'; readonly host: Host }
  /** osquery's schedule lacks queries that were pushed to it. */
  | { readonly type: 'watch.schedule-missing' }
  | { readonly type: 'watch.shutdown' };

/** The osqueryd that has registered the extension, and what is known of the end of the one before it. */
export type Identified = Pick<MessageOf<'osquery.identified'>, 'osqueryd' | 'evidence'>;

export type OsqueryCoreEvent =
  | WatchEvent
  | MessageOf<'schedule.changed'>
  | MessageOf<'schedule.reviewed'>
  | MessageOf<'extension.draining'>;

interface OsqueryCoreContext {
  readonly timing: OsqueryTiming;
  readonly givesUp: boolean;
  readonly uuid: string;
  /** The osqueryd that has registered the extension; null before it is known. */
  readonly identified: Identified | null;
  /** Why the extension is not registered. */
  readonly reason: string;
  /** What osquery should run; null before the first change is known. */
  readonly desired: RenderedSchedule | null;
  /** The hash of what it runs. */
  readonly applied: string;
}

/** Why the connection to osqueryd ended. */
export type OsqueryCoreOutput =
  | { readonly ended: 'detached' }
  | { readonly ended: 'osquery-absent'; readonly reason: string }
  | { readonly ended: 'another-instance'; readonly reason: string };

interface RegistrationParams {
  readonly registered: Registered;
}

const registrationOf = ({
  event,
}: {
  readonly event: { readonly output: Registered };
}): RegistrationParams => ({
  registered: event.output,
});

const tellIdentified = {
  type: 'publish',
  params: ({ context }: { readonly context: OsqueryCoreContext }) => {
    if (!context.identified) throw new Error('it is not known which osqueryd this is');
    return { type: 'osquery.identified', ...context.identified } as const;
  },
} as const;

/** The link to osquery's extension manager: registered, watched, and given its schedule. */
export const osqueryCoreMachine = setup({
  types: {
    context: {} as OsqueryCoreContext,
    events: {} as OsqueryCoreEvent,
    input: {} as OsqueryCoreInput,
    output: {} as OsqueryCoreOutput,
  },
  actors: {
    inbox: inboxPort(),
    attach: promisePort<{ readonly version: string }, undefined>('attach'),
    configure: promisePort<Configured, undefined>('configure'),
    register: promisePort<Registered, undefined>('register'),
    watch: callbackPort<{ type: 'none' }, { readonly uuid: string }, WatchEvent>('watch'),
    identify: promisePort<Identified, undefined>('identify'),
    applySchedule: promisePort<Applied, RenderedSchedule>('applySchedule'),
    deregister: promisePort<void, { readonly uuid: string }>('deregister'),
  },
  actions: {
    publish: publishPort,
    desire: assign({
      desired: ({ context, event }) =>
        event.type === 'schedule.changed' ? { hash: event.hash, config: event.config } : context.desired,
    }),
    recordReason: assign({ reason: (_, params: { readonly reason: string }) => params.reason }),
  },
  guards: {
    isOurs: ({ context, event }) =>
      event.type === 'schedule.reviewed' && event.pid === context.identified?.osqueryd.pid,
    givesUp: ({ context }) => context.givesUp,
    isRegistered: (_, { registered }: RegistrationParams) => registered.outcome === 'registered',
    anotherLives: (_, { registered }: RegistrationParams) =>
      registered.outcome === 'duplicate' && registered.alive,
    hasWork: ({ context }) => context.desired !== null && context.desired.hash !== context.applied,
  },
  delays: {
    patience: ({ context }) => context.timing.patience,
    retryPause: ({ context }) => context.timing.retryPause,
    debounce: ({ context }) => context.timing.debounce,
    refusedPause: ({ context }) => context.timing.refusedPause,
  },
}).createMachine({
  id: 'osquery-core',
  description: "The lifecycle of the extension at osquery's extension manager.",
  context: ({ input }) => ({ ...input, uuid: '', identified: null, reason: '', desired: null, applied: '' }),
  invoke: {
    src: 'inbox',
    input: { subjects: ['schedule.changed', 'schedule.reviewed', 'extension.draining'] },
  },
  initial: 'detached',
  on: {
    'schedule.changed': { actions: 'desire' },
    'extension.draining': '.ended',
  },
  output: ({ event }) => event.output as OsqueryCoreOutput,
  states: {
    detached: {
      description: 'Not registered with osqueryd.',
      initial: 'attaching',
      after: { patience: { guard: 'givesUp', target: 'absent' } },
      states: {
        attaching: {
          description: "Connecting to the manager's socket and reading its options.",
          invoke: {
            src: 'attach',
            onDone: 'configuring',
            onError: {
              target: 'waiting',
              actions: { type: 'recordReason', params: ({ event }) => ({ reason: reasonOf(event.error) }) },
            },
          },
        },
        waiting: {
          description: 'No answer; waiting for the next attempt.',
          after: { retryPause: 'attaching' },
        },
        configuring: {
          description: "Reading the key `bro` of osquery's configuration.",
          invoke: {
            src: 'configure',
            onDone: {
              target: 'registering',
              actions: { type: 'publish', params: ({ event }) => configurationNews(event.output) },
            },
            onError: {
              target: 'waiting',
              actions: { type: 'recordReason', params: ({ event }) => ({ reason: reasonOf(event.error) }) },
            },
          },
        },
        registering: {
          description: 'Registering with the manager and opening our own socket.',
          invoke: {
            src: 'register',
            onDone: [
              {
                guard: { type: 'isRegistered', params: registrationOf },
                target: '#osquery-core.registered',
                actions: assign({
                  uuid: ({ event }) => (event.output.outcome === 'registered' ? event.output.uuid : ''),
                }),
              },
              {
                guard: { type: 'anotherLives', params: registrationOf },
                target: '#osquery-core.anotherInstance',
                actions: {
                  type: 'recordReason',
                  params: {
                    reason: 'another bro-osquery is registered with this osqueryd and answers; stop it first',
                  },
                },
              },
              { target: 'remembered' },
            ],
            onError: {
              target: 'waiting',
              actions: { type: 'recordReason', params: ({ event }) => ({ reason: reasonOf(event.error) }) },
            },
          },
        },
        remembered: {
          description:
            'osquery still lists the former process; it drops it within its --extensions_interval.',
          after: { retryPause: 'registering' },
        },
      },
    },
    registered: {
      description: 'Registered: osqueryd calls the extension, and the reverse.',
      entry: [
        assign({ applied: '', reason: '' }),
        {
          type: 'publish',
          params: ({ context }) => ({ type: 'osquery.registered', uuid: context.uuid }),
        },
      ],
      invoke: { src: 'watch', input: ({ context }) => ({ uuid: context.uuid }) },
      on: {
        'watch.lost': {
          target: 'detached',
          actions: [
            { type: 'recordReason', params: ({ event }) => ({ reason: event.reason }) },
            { type: 'publish', params: ({ event }) => ({ type: 'osquery.lost', reason: event.reason }) },
          ],
        },
        'watch.configured': {
          actions: { type: 'publish', params: ({ event }) => configurationNews(event.result) },
        },
        'watch.host': {
          actions: { type: 'publish', params: ({ event }) => ({ type: 'osquery.host', host: event.host }) },
        },
        'watch.shutdown': { actions: { type: 'publish', params: { type: 'osquery.shutdown' } } },
        'extension.draining': 'deregistering',
      },
      initial: 'identifying',
      states: {
        identifying: {
          description: 'Which osqueryd this is, and how the one before it ended.',
          invoke: {
            src: 'identify',
            onDone: {
              target: 'reviewing',
              actions: assign({ identified: ({ event }) => event.output }),
            },
            onError: {
              target: 'inStep',
              actions: { type: 'recordReason', params: ({ event }) => ({ reason: reasonOf(event.error) }) },
            },
          },
        },
        reviewing: {
          description:
            'What ended the former osqueryd is left out of the schedule before this one is given it.',
          entry: tellIdentified,
          on: {
            // The schedule manager has started meanwhile, and may not have heard it.
            'schedule.changed': { actions: ['desire', tellIdentified] },
            'schedule.reviewed': { guard: 'isOurs', target: 'inStep' },
          },
        },
        inStep: {
          description: 'osquery runs the schedule of the Bros (or there is none yet).',
          always: { guard: 'hasWork', target: 'applying' },
          on: {
            'schedule.changed': { target: 'debouncing', actions: 'desire' },
            'watch.schedule-missing': { target: 'debouncing', actions: assign({ applied: '' }) },
          },
        },
        debouncing: {
          description: 'Collecting changes for a moment.',
          after: { debounce: 'applying' },
        },
        applying: {
          description: 'The schedule goes to osquery by config/update and is read back.',
          invoke: {
            src: 'applySchedule',
            input: ({ context }) => desired(context),
            onDone: {
              target: 'inStep',
              actions: [
                assign({ applied: ({ event }) => event.output.hash }),
                {
                  type: 'publish',
                  params: ({ event }) => ({ type: 'osquery.schedule-applied', ...event.output }),
                },
              ],
            },
            onError: {
              target: 'outOfStep',
              actions: {
                type: 'publish',
                params: ({ context, event }) => ({
                  type: 'osquery.schedule-refused',
                  hash: desired(context).hash,
                  reason: reasonOf(event.error),
                }),
              },
            },
          },
          on: { 'schedule.changed': { target: 'debouncing', actions: 'desire' } },
        },
        outOfStep: {
          description: 'osquery refused the schedule; it is retried, at once if it changes.',
          after: { refusedPause: 'applying' },
          on: { 'schedule.changed': { target: 'debouncing', actions: 'desire' } },
        },
      },
    },
    deregistering: {
      description: 'Deregistering from osquery.',
      invoke: {
        src: 'deregister',
        input: ({ context }) => ({ uuid: context.uuid }),
        onDone: 'ended',
        onError: 'ended',
      },
      on: { 'extension.draining': {} },
    },
    ended: {
      type: 'final',
      description: 'Deregistered.',
      output: { ended: 'detached' } satisfies OsqueryCoreOutput,
    },
    absent: {
      type: 'final',
      description: 'osqueryd was away for too long.',
      output: ({ context }): OsqueryCoreOutput => ({ ended: 'osquery-absent', reason: context.reason }),
    },
    anotherInstance: {
      type: 'final',
      description: 'Another instance is registered with this osqueryd.',
      output: ({ context }): OsqueryCoreOutput => ({ ended: 'another-instance', reason: context.reason }),
    },
  },
});

function desired({ desired }: Pick<OsqueryCoreContext, 'desired'>): RenderedSchedule {
  if (!desired) throw new Error('there is no schedule to apply yet');
  return desired;
}

function configurationNews(result: Configured) {
  return result.outcome === 'configured'
    ? ({ type: 'osquery.configured', ...result.configuration, changed: result.changed } as const)
    : ({ type: 'osquery.config-refused', problems: result.problems } as const);
}
