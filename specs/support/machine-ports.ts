import { type EventObject, fromCallback, fromPromise } from 'xstate';
import type { InboxInput } from '../../actors/port.ts';
import type { BusMessage, MessageOf } from '../../src/bus/messages.ts';
import { subjectOf } from '../../src/bus/messages.ts';

/** Collects what a machine publishes, and stands for the bus's side of its inbox. */
export function busProbe() {
  const published: BusMessage[] = [];
  let toMachine: ((event: EventObject) => void) | undefined;
  let subjects: readonly string[] = [];
  let sequence = 0;
  return {
    published,
    subjects: () => subjects,
    publish: (_: unknown, message: BusMessage) => {
      published.push(message);
    },
    publishAll: (_: unknown, messages: readonly BusMessage[]) => {
      published.push(...messages);
    },
    inbox: fromCallback<EventObject, InboxInput>(({ input, sendBack }) => {
      subjects = input.subjects;
      toMachine = sendBack;
    }),
    /** Delivers a message as the bus would. */
    deliver(message: BusMessage, at = 1_000): void {
      sequence += 1;
      toMachine?.(stamped(message, at, sequence));
    },
    /** Takes what has been published since the last time. */
    take(): BusMessage[] {
      return published.splice(0);
    },
  };
}

/** A message with what the bus stamps on it. */
export function stamped<M extends BusMessage>(message: M, at: number, sequence = 1): MessageOf<M['type']> {
  return { ...message, at, sequence, subject: subjectOf(message) } as unknown as MessageOf<M['type']>;
}

/** A callback port in the spec's hand: what it was started with, what it was sent, and a way to send back. */
export function callbackProbe<Received extends EventObject, Input, Emitted extends EventObject>() {
  const inputs: Input[] = [];
  const received: Received[] = [];
  let live = 0;
  let send: ((event: Emitted) => void) | undefined;
  return {
    inputs,
    received,
    live: () => live,
    logic: fromCallback<Received, Input, Emitted>(({ input, sendBack, receive }) => {
      inputs.push(input);
      live += 1;
      send = sendBack;
      receive((event) => received.push(event));
      return () => {
        live -= 1;
      };
    }),
    send(event: Emitted): void {
      if (!send) throw new Error('the port has not been started');
      send(event);
    },
  };
}

/** A promise port in the spec's hand: each start waits for the spec to settle it. */
export function promiseProbe<Output, Input>() {
  const starts: { readonly input: Input; resolve(output: Output): void; reject(error: Error): void }[] = [];
  return {
    starts,
    logic: fromPromise<Output, Input>(({ input }) => {
      const { promise, resolve, reject } = Promise.withResolvers<Output>();
      starts.push({ input, resolve, reject });
      return promise;
    }),
    /** The latest start. */
    get last() {
      const start = starts.at(-1);
      if (!start) throw new Error('the port has not been started');
      return start;
    },
  };
}

/** Lets promises that are settled have their effect. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
