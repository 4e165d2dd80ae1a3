import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate';
import { labelOf } from '../../actors/transition-label.ts';

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

/** All states of a chart, each before those in it. */
export function statesOf(state: ChartState): ChartState[] {
  return [state, ...state.states.flatMap(statesOf)];
}
