import type { AnyTransitionDefinition, InspectionEvent } from 'xstate';
import { labelOf } from './transition-label.ts';

/** A transition that a step took. */
export interface TakenTransition {
  /** Ids of states; without a target none. */
  readonly from: string;
  readonly to: readonly string[];
  /** `event [guard] / actions`, as UML has it: of several for one event the one whose guard held. */
  readonly label: string;
}

/** What a step did besides reaching a state. */
export interface StepEffects {
  /** In order; more than one where regions took one each, or others followed at once. */
  readonly taken: readonly TakenTransition[];
  /** What ran, in order: actions by name, and what XState did for the machine (`start`, `stop`, `send`, `raise`). */
  readonly actions: readonly string[];
}

const NONE: StepEffects = { taken: [], actions: [] };

/**
 * Gathers what XState tells of a step before it tells of its end. XState says it piece by piece; all of them have to
 * be handed over. Params and events of actions are not looked at but for names.
 */
export class StepObserver {
  readonly #open = new Map<object, { taken: TakenTransition[]; actions: string[] }>();
  readonly #known = new WeakMap<AnyTransitionDefinition, TakenTransition>();

  /** The effects of the step that ends with this event; null while none ends. */
  take(event: InspectionEvent): StepEffects | null {
    switch (event.type) {
      case '@xstate.microstep':
        for (const transition of event._transitions) {
          this.#of(event.actorRef).taken.push(this.#inWords(transition));
        }
        return null;
      case '@xstate.action':
        this.#of(event.actorRef).actions.push(formatAction(event.action));
        return null;
      case '@xstate.snapshot': {
        const effects = this.#open.get(event.actorRef);
        if (!effects) return NONE;
        this.#open.delete(event.actorRef);
        return effects;
      }
      default:
        return null;
    }
  }

  #of(actor: object): { taken: TakenTransition[]; actions: string[] } {
    let effects = this.#open.get(actor);
    if (!effects) {
      effects = { taken: [], actions: [] };
      this.#open.set(actor, effects);
    }
    return effects;
  }

  /** A machine has as many as its chart has; each is put into words once. */
  #inWords(transition: AnyTransitionDefinition): TakenTransition {
    const known = this.#known.get(transition);
    if (known) return known;
    const { source, target, actions } = transition;
    const names = actions.map(nameOf).join(', ');
    const label = labelOf(source.machine, source, transition);
    const made = {
      from: source.id,
      to: (target ?? []).map(({ id }) => id),
      label: [label, names && `/ ${names}`].filter((part) => part !== '').join(' '),
    };
    this.#known.set(transition, made);
    return made;
  }
}

function nameOf(action: unknown): string {
  if (typeof action === 'string') return action;
  const type = (action as { readonly type?: string }).type ?? 'an action';
  return type.replace(BUILT_IN, '');
}

const BUILT_IN = /^xstate\./;

/** What of the params of XState's own actions is a name. */
interface Named {
  readonly id?: string;
  readonly targetId?: string;
  readonly event?: { readonly type?: string };
  readonly delay?: number;
}

function formatAction({ type, params }: { readonly type: string; readonly params: unknown }): string {
  if (!BUILT_IN.test(type)) return type;
  const { id = '', targetId = '', event, delay } = (params ?? {}) as Named;
  const later = delay === undefined ? '' : ` after ${delay} ms`;
  switch (type) {
    case 'xstate.spawnChild':
      return `start ${id}`;
    case 'xstate.stopChild':
      return `stop ${id}`;
    case 'xstate.sendTo':
      return `send ${event?.type ?? ''} to ${targetId || 'an actor'}${later}`;
    case 'xstate.raise':
      return `raise ${event?.type ?? ''}${later}`;
    default:
      return type.replace(BUILT_IN, '');
  }
}
