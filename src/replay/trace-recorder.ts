import type { AnyEventObject, InspectionEvent } from 'xstate';
import { type StepEffects, StepObserver } from '../../actors/step-effects.ts';
import type { Published } from '../bus/messages.ts';
import type { ConversationRecord } from '../conversation/record.ts';
import { printTraceLine, TRACE_FORMAT, type TraceLine } from './trace.ts';

export interface TraceRecorder {
  /** For `createActor`'s option of that name. */
  readonly inspect: (event: InspectionEvent) => void;
  /** For a subscription of the bus. */
  readonly onMessage: (message: Published) => void;
  /** For whoever holds conversations with Zeeks. */
  readonly onConversation: (record: ConversationRecord) => void;
}

/** What is looked at of a machine's snapshot; other actors' snapshots have no machine. */
interface Seen {
  readonly machine?: { readonly id: string };
  readonly value?: unknown;
  readonly status: string;
  readonly context?: Readonly<Record<string, unknown>>;
}

/** Turns what the bus and the machines do into lines of a trace. `now` in milliseconds since the epoch. */
export function createTraceRecorder(options: {
  readonly write: (line: string) => void;
  readonly now: () => number;
  readonly version: string;
}): TraceRecorder {
  const { write, now, version } = options;
  const observer = new StepObserver();
  const contexts = new Map<string, Readonly<Record<string, unknown>>>();
  const put = (line: TraceLine) => write(printTraceLine(line));
  put({ kind: 'head', format: TRACE_FORMAT, version, at: now() });

  function step(actor: string, event: AnyEventObject, snapshot: Seen, effects: StepEffects | null): void {
    const { machine, context = {} } = snapshot;
    if (!machine) return;
    const before = event.type === INIT ? {} : (contexts.get(actor) ?? {});
    contexts.set(actor, context);
    const changed = Object.fromEntries(
      Object.entries(context).filter(([key, value]) => before[key] !== value),
    );
    const { value: state, status } = snapshot;
    put({
      ...{ kind: 'step', at: now(), actor, machine: machine.id, event, state, status, changed },
      ...(effects && { effects }),
    });
  }

  return {
    inspect(event) {
      const effects = observer.take(event);
      if (event.type !== '@xstate.snapshot') return;
      const actor = 'id' in event.actorRef ? String(event.actorRef.id) : event.actorRef.sessionId;
      step(actor, event.event, event.snapshot as Seen, effects);
    },
    onMessage: (message) => put({ kind: 'message', message }),
    onConversation: (record) => put({ kind: 'conversation', ...record }),
  };
}

/** The event with which an actor begins; it carries its input. */
export const INIT = 'xstate.init';
