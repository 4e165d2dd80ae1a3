import type { Msg, NatsConnection, Subscription } from 'nats';
import type { NatsProblem } from './failures.ts';
import { rethrowing } from './link-client.ts';
import { type NatsMessage, readMessage } from './message.ts';

export interface InboundHandlers {
  onMessage(message: NatsMessage, raw: Msg): void;
  /** A message that can't be read. */
  onProblem(problem: string): void;
  /** The server does not permit a subscription. */
  onDenied(subject: string): void;
}

/** What one side of a connection listens to. */
export class Inbound {
  readonly #client: NatsConnection;
  readonly #handlers: InboundHandlers;
  readonly #subscriptions = new Map<string, Subscription>();

  constructor(client: NatsConnection, handlers: InboundHandlers) {
    this.#client = client;
    this.#handlers = handlers;
  }

  /** Listens to these subjects from now on, and to no others. */
  listen(subjects: ReadonlySet<string>): void {
    for (const [subject, subscription] of this.#subscriptions) {
      if (subjects.has(subject)) continue;
      subscription.unsubscribe();
      this.#subscriptions.delete(subject);
    }
    for (const subject of subjects) {
      if (this.#subscriptions.has(subject)) continue;
      const callback = rethrowing((error: NatsProblem | null, raw: Msg) => {
        if (!error) this.#take(raw);
        else if (error.permissionContext) this.#handlers.onDenied(subject);
      });
      this.#subscriptions.set(subject, this.#client.subscribe(subject, { callback }));
    }
  }

  #take(raw: Msg): void {
    const read = readMessage(raw);
    if ('problem' in read) this.#handlers.onProblem(read.problem);
    else this.#handlers.onMessage(read.message, raw);
  }
}
