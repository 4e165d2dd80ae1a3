import { type EventObject, fromCallback, fromPromise } from 'xstate';
import type { BusMessage } from '../src/bus/messages.ts';

/**
 * A machine declares its ports in its `setup`, as actors or actions of the kinds in this file; the composition root supplies them
 * through `.provide`. A port that is not supplied throws when it is used, so that a missing one is noticed, while pure
 * transitions, which run nothing, need no fakes.
 */

/** A piece of work with one result, to be supplied. */
export function promisePort<Output, Input>(name: string) {
  return fromPromise<Output, Input>(() => Promise.reject(new Error(`${name} is not provided`)));
}

/** A piece of work that is supplied by this; `signal` aborts where nobody waits for it any more. */
export function supply<Output, Input>(work: (input: Input, signal: AbortSignal) => Promise<Output>) {
  return fromPromise<Output, Input>(({ input, signal }) => work(input, signal));
}

/** Something that lives as long as its state and exchanges events with it, to be supplied. */
export function callbackPort<Received extends EventObject, Input, Emitted extends EventObject = EventObject>(
  name: string,
) {
  return fromCallback<Received, Input, Emitted>(() => {
    throw new Error(`${name} is not provided`);
  });
}

/** The action that puts a message on the bus, to be supplied. */
export function publishPort(_: unknown, message: BusMessage): void {
  throw new Error(`publish is not provided for ${message.type}`);
}

/** The action that puts messages on the bus one after the other, to be supplied. */
export function publishAllPort(_: unknown, messages: readonly BusMessage[]): void {
  throw new Error(`publishAll is not provided for ${messages.length} messages`);
}

/** Which subjects of the bus an actor hears. */
export interface InboxInput {
  readonly subjects: readonly string[];
}

/** The actor that brings a machine the bus's messages as events, to be supplied. */
export function inboxPort() {
  return callbackPort<EventObject, InboxInput>('inbox');
}
