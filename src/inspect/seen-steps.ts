import type { InspectionEvent } from 'xstate';
import { frameOf } from '../../actors/inspection.ts';
import { StepObserver } from '../../actors/step-effects.ts';
import { contextChanges } from './context-changes.ts';
import { payloadText } from './detail-text.ts';
import type { StepEntry } from './entries.ts';

type Context = Readonly<Record<string, unknown>>;

/** Makes steps of what XState tells of them: with their event's payload, what changed in the context, and effects. */
export class SeenSteps {
  readonly #now: () => number;
  readonly #effects = new StepObserver();
  readonly #contexts = new WeakMap<object, Context>();

  /** @param now milliseconds since the epoch */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** The step that ends with this event; null while none ends. All events of a system are to be handed over. */
  take(event: InspectionEvent): StepEntry | null {
    const effects = this.#effects.take(event);
    if (event.type !== '@xstate.snapshot') return null;
    const frame = frameOf(event, this.#now());
    if (!frame) return null;
    const { snapshot, actorRef } = event as typeof event & {
      readonly snapshot: { readonly context?: Context };
    };
    const { context = {} } = snapshot;
    const before = this.#contexts.get(actorRef) ?? (frame.event === 'xstate.init' ? {} : undefined);
    this.#contexts.set(actorRef, context);
    return {
      ...frame,
      payload: payloadText(event.event),
      changed: before ? contextChanges(before, context) : null,
      effects,
    };
  }
}
