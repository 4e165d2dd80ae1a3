import type { InspectionEvent } from 'xstate';
import type { StepFrame } from '../../actors/inspection.ts';
import type { StepEntry } from './entries.ts';

/** Tells which members of a machine's context each step has replaced: by name, since values are not to be shown. */
export class ContextChanges {
  readonly #contexts = new WeakMap<object, object>();

  /** The frame of an inspection event, with the names where the actor's context before is known. */
  add(frame: StepFrame, { actorRef, ...event }: InspectionEvent): StepEntry {
    const context = 'snapshot' in event && 'context' in event.snapshot ? event.snapshot.context : undefined;
    if (typeof context !== 'object' || context === null) return frame;
    const before = this.#contexts.get(actorRef) as Readonly<Record<string, unknown>> | undefined;
    this.#contexts.set(actorRef, context);
    if (!before) return frame;
    const changed = Object.entries(context).flatMap(([name, value]) =>
      before[name] === value ? [] : [name],
    );
    return { ...frame, changed };
  }
}
