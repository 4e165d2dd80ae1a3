import { assign, type DoneActorEvent, sendTo, setup } from 'xstate';
import type { MessageOf } from '../src/bus/messages.ts';
import { DEFAULT_POLICY } from '../src/schedule/policy.ts';
import { groupsOf, initialState, type ScheduleState } from '../src/schedule/schedule.ts';
import { reasonOf } from '../src/text/reason.ts';
import type { Host } from '../src/vocabulary/model.ts';
import { backfillMachine } from './backfill.machine.ts';
import type { LinkTiming } from './bro-link.ts';
import { brokerEndpointMachine } from './broker-endpoint.machine.ts';
import { courierMachine } from './courier.machine.ts';
import { loggerPluginMachine } from './logger-plugin.machine.ts';
import { type OsqueryCoreOutput, type OsqueryTiming, osqueryCoreMachine } from './osquery-core.machine.ts';
import { inboxPort, promisePort, publishPort } from './port.ts';
import type { Pending } from './schedule-commands.ts';
import { scheduleManagerMachine } from './schedule-manager.machine.ts';

export interface ExtensionInput {
  /** Our Broker endpoint id, a version-4 UUID. */
  readonly endpointId: string;
  /** Whether to end when osqueryd stays away: its watcher starts the extension again. */
  readonly givesUp: boolean;
  readonly timing: { readonly osquery: OsqueryTiming; readonly link: LinkTiming };
}

/** What was found in the state directory, and the events of the start. */
export interface Recovered {
  readonly schedule: ScheduleState;
  /** The sequence number of the event log's last record. */
  readonly sequence: number;
  /** When osqueryd last listed the previous process, if that did not end in order; milliseconds since the epoch. */
  readonly heartbeat: number | null;
  readonly start: Extract<Pending, { type: 'StartExtension' }>;
}

export type ExtensionEvent =
  | MessageOf<'osquery.configured'>
  | MessageOf<'osquery.config-refused'>
  | MessageOf<'osquery.host'>
  | MessageOf<'osquery.shutdown'>
  /** The process was asked to end. */
  | { readonly type: 'process.signal'; readonly signal: string }
  | (DoneActorEvent<OsqueryCoreOutput> & { readonly type: 'xstate.done.actor.osquery-core' })
  | {
      readonly type: `xstate.done.actor.${'schedule-manager' | 'broker-endpoint' | 'courier' | 'backfill'}`;
      readonly output: undefined;
      readonly actorId: string;
    };

/** All ways to reach the extension are closed. */
export interface Closed {
  /** osqueryd no longer runs any of the extension's queries. */
  readonly inOrder: boolean;
}

/** How it ended; `code` is the process's exit code. */
export interface ExtensionOutput {
  readonly code: number;
  readonly reason: string;
}

interface ExtensionContext extends ExtensionInput {
  readonly configured: MessageOf<'osquery.configured'> | null;
  readonly host: Host | null;
  readonly recovered: Recovered | null;
  readonly end: ExtensionOutput;
}

const toldToEnd = { type: 'endWith', params: { code: 0, reason: 'osqueryd requested shutdown' } } as const;

const signalled = {
  type: 'endWith',
  params: ({ event }: { readonly event: { readonly signal: string } }): ExtensionOutput => ({
    code: 0,
    reason: `received ${event.signal}`,
  }),
} as const;

const letGo = {
  type: 'endWith',
  params: ({ event }: { readonly event: { readonly output: OsqueryCoreOutput } }) => endOf(event.output),
} as const;

/** What ends the extension while there is nothing to drain yet. */
const ENDINGS = {
  'osquery.shutdown': { guard: 'givesUp', target: 'releasing', actions: toldToEnd },
  'process.signal': { target: 'releasing', actions: signalled },
  'xstate.done.actor.osquery-core': { target: 'releasing', actions: letGo },
} as const;

/** The whole extension: supervises all other machines, from the start to a clean shutdown. */
export const extensionMachine = setup({
  types: {
    context: {} as ExtensionContext,
    events: {} as ExtensionEvent,
    input: {} as ExtensionInput,
    output: {} as ExtensionOutput,
  },
  actors: {
    inbox: inboxPort(),
    osqueryCore: osqueryCoreMachine,
    backfill: backfillMachine,
    recover: promisePort<Recovered, undefined>('recover'),
    scheduleManager: scheduleManagerMachine,
    brokerEndpoint: brokerEndpointMachine,
    loggerPlugin: loggerPluginMachine,
    courier: courierMachine,
    /** Closes all sockets, osqueryd's too; calls in progress are given time to be answered. */
    close: promisePort<Closed, undefined>('close'),
    /** Closes what the machines do not own: files. */
    release: promisePort<void, undefined>('release'),
  },
  actions: {
    publish: publishPort,
    takeHost: assign({ host: (_, host: Host) => host }),
    takeConfiguration: assign({ configured: (_, message: MessageOf<'osquery.configured'>) => message }),
    takeRecovered: assign({ recovered: (_, recovered: Recovered) => recovered }),
    endWith: assign({ end: (_, end: ExtensionOutput) => end }),
  },
  guards: { givesUp: ({ context }) => context.givesUp },
  delays: { patience: 8_000, backfillPatience: 3_000 },
}).createMachine({
  id: 'extension',
  description: 'The extension as a whole.',
  context: ({ input }) => ({
    ...input,
    configured: null,
    host: null,
    recovered: null,
    end: { code: 0, reason: '' },
  }),
  invoke: [
    { id: 'backfill', systemId: 'backfill', src: 'backfill' },
    {
      src: 'inbox',
      input: {
        subjects: ['osquery.configured', 'osquery.config-refused', 'osquery.host', 'osquery.shutdown'],
      },
    },
    {
      id: 'osquery-core',
      systemId: 'osquery-core',
      src: 'osqueryCore',
      input: ({ context }) => ({ timing: context.timing.osquery, givesUp: context.givesUp }),
    },
  ],
  output: ({ context }) => context.end,
  on: {
    'osquery.host': { actions: { type: 'takeHost', params: ({ event }) => event.host } },
    'osquery.configured': { actions: { type: 'takeConfiguration', params: ({ event }) => event } },
  },
  initial: 'starting',
  states: {
    starting: {
      description: "Connecting to osquery's extension manager and reading the configuration.",
      on: {
        'osquery.configured': {
          target: 'recovering',
          actions: { type: 'takeConfiguration', params: ({ event }) => event },
        },
        'osquery.config-refused': 'recovering',
        ...ENDINGS,
      },
    },
    recovering: {
      description: 'The event log is read and folded, the journal opened.',
      invoke: {
        src: 'recover',
        onDone: {
          target: 'working',
          actions: [
            { type: 'takeRecovered', params: ({ event }) => event.output },
            sendTo('backfill', ({ event: { output } }) => ({
              type: 'state.opened' as const,
              at: output.start.at,
              heartbeat: output.heartbeat,
            })),
          ],
        },
        onError: {
          target: 'releasing',
          actions: {
            type: 'endWith',
            params: ({ event }) => ({ code: 1, reason: reasonOf(event.error) }),
          },
        },
      },
      on: ENDINGS,
    },
    working: {
      description: 'All actors run.',
      invoke: [
        {
          id: 'schedule-manager',
          systemId: 'schedule-manager',
          src: 'scheduleManager',
          input: ({ context }) => scheduleInput(context),
        },
        {
          id: 'broker-endpoint',
          systemId: 'broker-endpoint',
          src: 'brokerEndpoint',
          input: ({ context }) => ({
            endpointId: context.endpointId,
            timing: context.timing.link,
            configuration: context.configured,
            groups: groupsAtStart(context),
            host: context.host,
          }),
        },
        { id: 'logger-plugin', systemId: 'logger-plugin', src: 'loggerPlugin' },
        { id: 'courier', systemId: 'courier', src: 'courier' },
      ],
      initial: 'serving',
      states: {
        serving: {
          description: 'In service.',
          on: {
            // Started by hand or by another supervisor, the extension waits for the next osqueryd.
            'osquery.shutdown': { guard: 'givesUp', target: 'draining', actions: toldToEnd },
            'process.signal': { target: 'draining', actions: signalled },
            'xstate.done.actor.osquery-core': { target: 'draining.osquery.ended', actions: letGo },
          },
        },
        draining: {
          description: 'Actors finish what is in progress; a second signal cuts that short.',
          entry: {
            type: 'publish',
            params: ({ context }) => ({ type: 'extension.draining', reason: context.end.reason }),
          },
          type: 'parallel',
          on: { 'process.signal': '#extension.releasing' },
          after: { patience: '#extension.releasing' },
          onDone: '#extension.releasing',
          states: {
            osquery: drainingOf('osquery-core', 'Deregistering from osquery.'),
            schedule: drainingOf('schedule-manager', 'The stop is written to the event log.'),
            endpoint: drainingOf('broker-endpoint', 'Disconnecting from the Bros.'),
            courier: drainingOf('courier', 'Rows in flight are being confirmed.'),
          },
        },
      },
    },
    releasing: {
      description: 'No new work is accepted.',
      initial: 'closing',
      states: {
        closing: {
          description: 'Sockets are closed.',
          invoke: {
            src: 'close',
            onDone: {
              target: 'backfillEnding',
              actions: sendTo('backfill', ({ event: { output } }) => ({
                type: 'backfill.end' as const,
                inOrder: output.inOrder,
              })),
            },
            onError: {
              target: 'backfillEnding',
              actions: sendTo('backfill', { type: 'backfill.end', inOrder: false }),
            },
          },
        },
        backfillEnding: {
          description: 'What is still to be recovered is left to the next start.',
          on: { 'xstate.done.actor.backfill': 'releasing' },
          after: { backfillPatience: 'releasing' },
        },
        releasing: {
          description: 'Files are closed.',
          invoke: { src: 'release', onDone: '#extension.stopped', onError: '#extension.stopped' },
        },
      },
    },
    stopped: { type: 'final', description: 'The process may end.' },
  },
});

/** A region of the draining that waits for one actor to end. */
function drainingOf<Id extends string>(actor: Id, description: string) {
  return {
    description,
    initial: 'ending',
    states: {
      ending: {
        description: `${actor} is still at work.`,
        on: { [`xstate.done.actor.${actor}`]: 'ended' } as Record<`xstate.done.actor.${Id}`, 'ended'>,
      },
      ended: { type: 'final', description: `${actor} has ended.` },
    },
  } as const;
}

/** The groups of the current configuration, and those that Bros had the host join before a restart. */
function groupsAtStart({ recovered, configured }: ExtensionContext): readonly string[] {
  const schedule = recovered?.schedule ?? initialState();
  return groupsOf(configured ? { ...schedule, configuredGroups: configured.groups } : schedule);
}

function scheduleInput({ recovered, configured, host }: ExtensionContext) {
  if (!recovered) throw new Error('the state directory has not been read');
  return {
    schedule: recovered.schedule,
    sequence: recovered.sequence,
    policy: configured?.policy ?? DEFAULT_POLICY,
    // It was read before the start was recorded; in the log it comes after.
    pending: configured ? [recovered.start, { ...configured, at: recovered.start.at }] : [recovered.start],
    tables: host?.tables ?? [],
  };
}

function endOf(output: OsqueryCoreOutput): ExtensionOutput {
  switch (output.ended) {
    case 'detached':
      return { code: 0, reason: 'deregistered' };
    case 'osquery-absent':
      return { code: 0, reason: `lost osqueryd: ${output.reason}` };
    case 'another-instance':
      return { code: 1, reason: output.reason };
    default:
      return output satisfies never;
  }
}
