import assert from 'node:assert/strict';
import type { Command } from '../../src/schedule/commands.ts';
import { decide } from '../../src/schedule/decide.ts';
import type { Decision } from '../../src/schedule/decision.ts';
import type { ScheduleEvent } from '../../src/schedule/events.ts';
import { fold } from '../../src/schedule/evolve.ts';
import { DEFAULT_POLICY, type Policy } from '../../src/schedule/policy.ts';
import type { Refusal } from '../../src/schedule/refusal.ts';
import { type OsqueryConfig, render } from '../../src/schedule/render.ts';
import { initialState, type ScheduleState } from '../../src/schedule/schedule.ts';

/**
 * Given what happened, when a command comes, then exactly these facts follow, in this order.
 *
 *     given(start(0), connect(1, 'zeek:9999', 'a')).when(subscribe(2, 'zeek:9999', 'a')).thenHappens(…)
 *
 * What happened is told in commands, so that no story begins in a state that none could reach.
 */
export function given(...history: readonly Command[]): Given {
  return new Given(history, DEFAULT_POLICY);
}

export class Given {
  readonly #history: readonly Command[];
  readonly #policy: Policy;

  constructor(history: readonly Command[], policy: Policy) {
    this.#history = history;
    this.#policy = policy;
  }

  /** Under other limits than the default ones. */
  under(limits: Partial<Policy>): Given {
    return new Given(this.#history, { ...this.#policy, ...limits });
  }

  when(command: Command): Then {
    const state = after(this.#history, this.#policy);
    const decision = decide(state, command, this.#policy);
    return new Then(decision, fold(state, decision.events));
  }
}

/** The state after commands have been decided one by one. */
export function after(commands: readonly Command[], policy: Policy = DEFAULT_POLICY): ScheduleState {
  return commands.reduce(
    (state, command) => fold(state, decide(state, command, policy).events),
    initialState(),
  );
}

export class Then {
  readonly #decision: Decision;
  readonly #state: ScheduleState;

  constructor(decision: Decision, state: ScheduleState) {
    this.#decision = decision;
    this.#state = state;
  }

  /** These facts and no others, in this order, and nothing refused. */
  thenHappens(...events: readonly ScheduleEvent[]): this {
    assert.deepEqual(this.#decision, { events, refusal: null });
    return this;
  }

  /** Nothing changes, and nobody is told anything. */
  thenNothing(): this {
    return this.thenHappens();
  }

  /** The request is refused with that code and text, which the log has as these facts. */
  thenRefused(refusal: Refusal, ...events: readonly ScheduleEvent[]): this {
    assert.deepEqual(this.#decision, { events, refusal });
    return this;
  }

  /** What osquery runs from now on. */
  andOsqueryRuns(schedule: OsqueryConfig['schedule']): this {
    assert.deepEqual(render(this.#state).schedule, schedule);
    return this;
  }

  /** The names that osquery runs from now on. */
  andOsqueryRunsOnly(...names: readonly string[]): this {
    assert.deepEqual(Object.keys(render(this.#state).schedule), names);
    return this;
  }
}
