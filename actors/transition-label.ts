import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate';

/** `event [guard]`, as UML has it. */
export function labelOf(
  machine: AnyStateMachine,
  node: AnyStateNode,
  transition: AnyTransitionDefinition,
): string {
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
