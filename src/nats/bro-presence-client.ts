import type { MsgHdrs, NatsConnection } from 'nats';
import type { Clock, Closed, Timings } from '../broker/connection.ts';
import { SilenceWatch } from '../broker/silence-watch.ts';
import type { GatewayPresence, NatsMessage } from './message.ts';
import { request } from './request-client.ts';
import { type NatsSubjects, partitionOf } from './subjects.ts';

/** A Bro as it says who it is. */
export type BroAnnouncement = Extract<NatsMessage, { readonly type: 'bro' }>;

export interface PresenceOptions {
  readonly client: NatsConnection;
  readonly subjects: NatsSubjects;
  /** The host's id. */
  readonly host: string;
  readonly server: string;
  readonly timings: Timings;
  readonly clock: Clock;
  readonly headers: MsgHdrs;
  /** What the host says of itself. */
  readonly hello: () => Extract<NatsMessage, { readonly type: 'hello' }>;
  /** The promise's outcome, or the reason for which the connection closes first. */
  readonly orFailure: <T>(promise: Promise<T>) => Promise<T>;
  readonly onUp: (bro: BroAnnouncement) => void;
  readonly onSuspect: (suspect: boolean) => void;
  readonly onProblem: (problem: string) => void;
  /** The connection is of no more use. */
  readonly onEnd: (closed: Closed) => void;
}

type PresencePhase =
  /** None has answered, or one is being asked. */
  | { readonly at: 'absent' | 'greeting' }
  | { readonly at: 'present'; readonly bro: BroAnnouncement; readonly watch: SilenceWatch };

/** Other Bros on the prefix that are reported. */
const MAX_RIVALS = 100;

/** Whether there is a Bro behind the server, which, and whether it is still the same. */
export class BroPresence {
  readonly #options: PresenceOptions;
  readonly #rivals = new Set<string>();
  #phase: PresencePhase = { at: 'absent' };

  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  get bro(): BroAnnouncement | undefined {
    return this.#phase.at === 'present' ? this.#phase.bro : undefined;
  }

  /** Asks for the Bro. If none is there, one that comes says so, and is asked then. */
  async greet(): Promise<void> {
    if (this.#phase.at !== 'absent') return;
    this.#phase = { at: 'greeting' };
    const { subjects, hello, onUp } = this.#options;
    let answer = await this.#request(subjects.hello, hello());
    // A gateway says who it is; whichever serves this host is asked by the host's own name.
    if (isBro(answer) && answer.gateway)
      answer = await this.#request(this.#gatewaySubject(answer.gateway), hello());
    if (typeof answer === 'object' && answer.type === 'refused') {
      this.#options.onEnd({
        code: 'refused',
        message: `a gateway at ${this.#options.server} refused this host: ${answer.reason}`,
        refused: true,
      });
    }
    if (!isBro(answer)) {
      this.#phase = { at: 'absent' };
      return;
    }
    this.#phase = { at: 'present', bro: answer, watch: this.#watchOver() };
    onUp(answer);
  }

  /** Resolves when the Bro has taken in all that was published before; ends the connection if there is none. */
  async ping(): Promise<void> {
    const { bro } = this;
    if (!bro) return;
    const { subjects, server, orFailure } = this.#options;
    const subject = bro.gateway ? this.#gatewaySubject(bro.gateway) : subjects.helloTo(bro.id);
    const answer = await this.#request(subject, { type: 'ping' });
    if (answer === 'no-responder') this.#end('reset', `Zeek ${bro.id} is no longer connected to ${server}`);
    else if (answer === 'no-answer') {
      this.#end('unresponsive', `Zeek ${bro.id} at ${server} does not answer`);
    } else if (answer?.type === 'stranger') {
      this.#end('reset', `the Zeek at ${server} no longer knows this host`);
    }
    await orFailure(Promise.resolve());
    this.heard();
  }

  /** The Bro gave a sign of life. */
  heard(): void {
    if (this.#phase.at === 'present') this.#phase.watch.heard();
  }

  /** A message on the Bro's own subject. */
  take(message: NatsMessage): void {
    const { bro } = this;
    if (message.type === 'gone' && message.id === bro?.id) {
      this.#end('goodbye', `the Zeek at ${this.#options.server} disconnected (clean shutdown)`);
    }
    if (message.type !== 'bro') return;
    if (!bro) void this.greet().catch(() => {});
    else if (bro.gateway) this.#follow(bro.gateway, message);
    else if (message.id !== bro.id) void this.#onRival(message.id).catch(() => {});
    // It was away and may not know us any more, which its answer shows.
    else if (message.session !== bro.session) void this.ping().catch(() => {});
  }

  stop(): void {
    if (this.#phase.at === 'present') this.#phase.watch.stop();
  }

  /** A gateway says which hosts it serves: whether ours still does, or another in its place. */
  #follow(ours: GatewayPresence, { gateway }: BroAnnouncement): void {
    if (!gateway) return;
    const { host, server } = this.#options;
    const lease = (of: GatewayPresence) => of.leases[partitionOf(host, of.partitions)];
    if (gateway.id === ours.id && lease(gateway) === lease(ours)) this.heard();
    else if (lease(gateway) !== undefined)
      this.#end('moved', `another gateway at ${server} serves this host from now on`);
  }

  #gatewaySubject({ partitions }: GatewayPresence): string {
    const { subjects, host } = this.#options;
    return subjects.inPartition(partitionOf(host, partitions), host).hello;
  }

  #watchOver(): SilenceWatch {
    const { clock, timings, server, onSuspect } = this.#options;
    return new SilenceWatch(clock, timings, {
      onIdle: () => void this.ping().catch(() => {}),
      onSuspect,
      onLost: (silence) => this.#end('unresponsive', `the Zeek at ${server} sent nothing for ${silence} ms`),
    });
  }

  /** Another Bro: in the place of ours, which then answers no more, or beside it by mistake. */
  async #onRival(id: string): Promise<void> {
    if (this.#rivals.has(id) || this.#rivals.size >= MAX_RIVALS) return;
    this.#rivals.add(id);
    await this.ping();
    const { subjects, onProblem } = this.#options;
    onProblem(`a second Zeek (${id}) uses the prefix ${subjects.prefix}: give each a prefix of its own`);
  }

  async #request(
    subject: string,
    message: Exclude<NatsMessage, { readonly type: 'events' }>,
  ): Promise<NatsMessage | 'no-responder' | 'no-answer' | undefined> {
    const { client, server, timings, headers, orFailure, onEnd } = this.#options;
    const timeout = timings.suspect + timings.unresponsive;
    const asked = await orFailure(request(client, { subject, message, headers, timeout, server }));
    if (asked.outcome === 'answered') return asked.answer;
    if (asked.outcome !== 'failed') return asked.outcome;
    onEnd(asked.closed);
    return undefined;
  }

  #end(code: Closed['code'], message: string): void {
    this.#options.onEnd({ code, message, refused: false });
  }
}

function isBro(answer: NatsMessage | 'no-responder' | 'no-answer' | undefined): answer is BroAnnouncement {
  return typeof answer === 'object' && answer.type === 'bro';
}
