import type { Courier } from '../../../delivery/courier.ts';
import { readHeartbeat, removeHeartbeat, writeHeartbeat } from '../../../delivery/heartbeat-store.ts';
import { type ScheduleState, subscriptions } from '../../../schedule/schedule.ts';
import { reasonOf } from '../../../text/reason.ts';
import type { ExtensionContext } from '../extension-context.ts';

export interface AbsenceParts {
  /** The state directory. */
  readonly directory: string;
  readonly courier: Pick<Courier, 'declareUnseen'>;
  readonly schedule: () => ScheduleState;
  /** Others are forgotten, and told nothing. */
  readonly isConfigured: (peer: string) => boolean;
}

/**
 * The time in which osquery knew nobody of us while it ran our queries: after our death (osqueryd lives on), and where it
 * has forgotten us, or lost its calls, while we hung. What it found then is taken from its own log (`MissedResults`); where that may not
 * have given all, Bros with subscriptions are told of the time. After an orderly end osquery runs nothing of ours.
 */
export class Absence {
  readonly #context: ExtensionContext;
  #parts: AbsenceParts | undefined;
  /** Whether osquery knows us now. */
  #isKnown = false;
  #knownSince = 0;
  /** Since when osquery may have found what nobody took. */
  #since: number | undefined;
  /** Whether what it has written down of that has been taken. */
  #isCaughtUp = false;
  /** Why that may not be all; empty if it is. */
  #doubt = '';
  /** When osquery was last seen to know us. */
  #last: number | undefined;
  #work: Promise<void> = Promise.resolve();
  #trouble = '';

  constructor(context: ExtensionContext) {
    this.#context = context;
  }

  /** The state directory is open. */
  async open(parts: AbsenceParts): Promise<void> {
    // What a former life left is older than what this one has seen so far.
    this.#since = (await readHeartbeat(parts.directory)) ?? this.#since;
    this.#parts = parts;
    if (this.#isKnown) this.seen();
  }

  /** osquery knows us: at a registration, and at each look. */
  seen(): void {
    this.#last = this.#context.runtime.now();
    if (!this.#isKnown) this.#knownSince = this.#last;
    this.#isKnown = true;
    this.#step();
  }

  /** osquery is about to know us, and what it has found meanwhile about to be taken. */
  catchingUp(): void {
    this.#isCaughtUp = false;
  }

  /** @param doubt why it may not have been all; empty if it was */
  took(doubt: string): void {
    // What is read twice looks whole the second time.
    this.#doubt ||= doubt;
  }

  /** All has been taken that could be. */
  caughtUp(): void {
    this.#isCaughtUp = true;
    this.#step();
  }

  /** osqueryd lives and knows us no more: what it finds from now on nobody takes. */
  forgotten(): void {
    this.#isKnown = false;
    this.#since ??= this.#last;
  }

  /** osquery has known us all the time, and we did not answer: what it found is about to be taken. */
  stoodStill(): void {
    if (!this.#isKnown) return;
    this.#since ??= this.#last;
    this.#knownSince = this.#context.runtime.now();
    this.#isCaughtUp = false;
  }

  /** osqueryd itself is gone: nothing runs. */
  gone(): void {
    this.#isKnown = false;
  }

  /** Resolves when all that was to be done so far is. */
  settled(): Promise<void> {
    return this.#work;
  }

  /** @param inOrder whether osquery runs nothing of ours any more */
  async end(inOrder: boolean): Promise<void> {
    this.#alone(async ({ directory }) => {
      if (inOrder && this.#since === undefined) await removeHeartbeat(directory);
    });
    await this.settled();
  }

  #step(): void {
    this.#alone(async (parts) => {
      if (!this.#isKnown) return;
      if (this.#isCaughtUp) await this.#declare(parts);
      // Before that is done another start may have to do it.
      if (this.#since === undefined) await writeHeartbeat(parts.directory, this.#context.runtime.now());
    });
  }

  async #declare({ courier, schedule, isConfigured }: AbsenceParts): Promise<void> {
    const [since, doubt] = [this.#since, this.#doubt];
    this.#since = undefined;
    this.#doubt = '';
    if (since === undefined || doubt === '') return;
    const to = this.#knownSince;
    const unseen = { from: Math.min(since, to), to };
    const peers = new Set(subscriptions(schedule()).map(({ peer }) => peer));
    for (const peer of peers) if (isConfigured(peer)) await courier.declareUnseen(peer, unseen, doubt);
  }

  /** One thing after the other. */
  #alone(work: (parts: AbsenceParts) => Promise<void>): void {
    this.#work = this.#work.then(async () => {
      if (!this.#parts) return;
      try {
        await work(this.#parts);
        this.#trouble = '';
      } catch (error) {
        const reason = reasonOf(error);
        if (reason !== this.#trouble) {
          this.#context.log.warn({ area: 'delivery' }, `can't leave a sign of life: ${reason}`);
        }
        this.#trouble = reason;
      }
    });
  }
}
