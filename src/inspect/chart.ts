import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate';

/** A statechart as a graph, read off the machine itself. */
export interface Chart {
  readonly machine: string;
  readonly description: string;
  readonly root: ChartState;
  /** Those with a target, in the order of the machine. */
  readonly transitions: readonly ChartTransition[];
}

export interface ChartState {
  /** The names from the machine's id on, joined by dots. */
  readonly id: string;
  readonly name: string;
  readonly kind: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  readonly description: string;
  /** Whether the state that holds it begins here. */
  readonly isInitial: boolean;
  /** What is invoked while it lasts. */
  readonly invokes: readonly string[];
  /** What is dealt with without leaving it, as labels of transitions. */
  readonly internal: readonly string[];
  readonly states: readonly ChartState[];
}

export interface ChartTransition {
  readonly from: string;
  readonly to: string;
  /** The event's type as XState has it; empty for a transition that is taken at once. */
  readonly event: string;
  readonly label: string;
}

/** The machine's statechart: states, regions, what they invoke, transitions with event, guard and delay. */
export function chartOf(machine: AnyStateMachine): Chart {
  const transitions: ChartTransition[] = [];
  const root = stateOf(machine, machine.root, false, transitions);
  return { machine: machine.id, description: root.description, root, transitions };
}

function stateOf(
  machine: AnyStateMachine,
  node: AnyStateNode,
  isInitial: boolean,
  transitions: ChartTransition[],
): ChartState {
  const internal: string[] = [];
  for (const transition of transitionsOf(node)) {
    const label = labelOf(machine, node, transition);
    if (!transition.target) internal.push(label);
    for (const target of transition.target ?? []) {
      transitions.push({ from: node.id, to: target.id, event: transition.eventType, label });
    }
  }
  const begins = node.initial?.target?.[0];
  return {
    id: node.id,
    name: node.key,
    kind: node.type,
    description: node.description ?? '',
    isInitial,
    invokes: node.invoke.map(({ src }) => (typeof src === 'string' ? src : 'an actor')),
    internal,
    states: Object.values(node.states).map((child) =>
      stateOf(machine, child, node.type === 'parallel' ? false : begins === child, transitions),
    ),
  };
}

function transitionsOf(node: AnyStateNode): readonly AnyTransitionDefinition[] {
  return [...[...node.transitions.values()].flat(), ...(node.always ?? [])];
}

/** `event [guard]`, as UML has it. */
function labelOf(machine: AnyStateMachine, node: AnyStateNode, transition: AnyTransitionDefinition): string {
  const guard = guardOf(transition.guard);
  return [formatEvent(machine, node, transition.eventType), guard && `[${guard}]`]
    .filter((part) => part !== '')
    .join(' ');
}

function formatEvent(machine: AnyStateMachine, node: AnyStateNode, event: string): string {
  if (event === '') return '';
  const [, system, what, rest = ''] =
    /^xstate\.(after|done|error)\.(?:(actor|state)\.)?(.*)$/.exec(event) ?? [];
  if (system === undefined) return event;
  if (system === 'after') return `after ${formatDelay(machine, rest.slice(0, -node.id.length - 1))}`;
  if (what === 'state') return 'done';
  const invoked = node.invoke.find(({ id }) => id === rest);
  const source = typeof invoked?.src === 'string' ? invoked.src : rest;
  return source === '*'
    ? `an actor's ${system === 'done' ? 'end' : 'failure'}`
    : `${source} ${ENDINGS[system]}`;
}

const ENDINGS: Readonly<Record<string, string>> = { done: 'done', error: 'failed' };

/** A delay that has a name by that, with its length where it always has the same. */
function formatDelay(machine: AnyStateMachine, delay: string): string {
  if (/^\d+$/.test(delay)) return formatSpan(Number(delay));
  const length = machine.implementations.delays?.[delay];
  return typeof length === 'number' ? `${delay} (${formatSpan(length)})` : delay;
}

function formatSpan(milliseconds: number): string {
  return milliseconds % 1000 === 0 ? `${milliseconds / 1000} s` : `${milliseconds} ms`;
}

/** A guard as it stands in the machine: a name, with its parameters, or a combination of others. */
function guardOf(guard: unknown): string {
  if (guard === undefined) return '';
  if (typeof guard === 'string') return guard;
  if (typeof guard === 'function') {
    const { name, guards } = guard as { readonly name: string; readonly guards?: readonly unknown[] };
    if (!guards) return 'a condition';
    const parts = guards.map(guardOf);
    return name === 'not' ? `not ${parts.join('')}` : parts.join(` ${name} `);
  }
  const { type, params } = guard as { readonly type: string; readonly params?: unknown };
  if (typeof params !== 'object' || params === null) return type;
  return `${type} ${Object.values(params).join(', ')}`;
}

/** All states of a chart, each before those in it. */
export function statesOf(state: ChartState): ChartState[] {
  return [state, ...state.states.flatMap(statesOf)];
}
