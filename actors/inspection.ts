import type { AnyActorRef, InspectionEvent, StateValue } from 'xstate';

/**
 * What an actor has done, for the inspect page: which machine took an event of which type, and the state that led to. What the
 * event carried and what changed in the context is not in it, and nothing gets in that is not named here.
 */
export interface StepFrame {
  readonly kind: 'step';
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** The actor's id, which is its id in the system too. */
  readonly actor: string;
  readonly machine: string;
  /** The event's type; `xstate.init` at an actor's beginning. */
  readonly event: string;
  readonly state: StateValue;
  readonly status: 'active' | 'done' | 'error' | 'stopped';
}

/** The parts of a snapshot that are read; snapshots of actors without a machine have none of them. */
interface Seen {
  readonly machine?: { readonly id: string };
  readonly value?: StateValue;
  readonly status: StepFrame['status'];
}

/** The frame of an inspection event; null for what is no step of a machine. */
export function frameOf(event: InspectionEvent, at: number): StepFrame | null {
  if (event.type !== '@xstate.snapshot') return null;
  const actor = 'id' in event.actorRef ? String(event.actorRef.id) : event.actorRef.sessionId;
  return frame(actor, event.snapshot as Seen, event.event.type, at);
}

/** Where every machine below (and with) an actor stands, as frames of the event `xstate.init`. */
export function standingFrames(root: AnyActorRef, at: number): StepFrame[] {
  const snapshot = root.getSnapshot() as Seen & { readonly children?: Readonly<Record<string, AnyActorRef>> };
  const own = frame(root.id, snapshot, 'xstate.init', at);
  const children = Object.values(snapshot.children ?? {}).filter((child) => child !== undefined);
  return [...(own ? [own] : []), ...children.flatMap((child) => standingFrames(child, at))];
}

function frame(actor: string, { machine, value, status }: Seen, event: string, at: number): StepFrame | null {
  if (!machine || value === undefined) return null;
  return { kind: 'step', at, actor, machine: machine.id, event, state: value, status };
}
