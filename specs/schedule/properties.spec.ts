import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Command } from '../../src/schedule/commands.ts';
import { decide } from '../../src/schedule/decide.ts';
import { EVENT_SCHEMAS, type ScheduleEvent } from '../../src/schedule/events.ts';
import { evolve, fold } from '../../src/schedule/evolve.ts';
import { identityOf } from '../../src/schedule/identity.ts';
import { DEFAULT_POLICY, type Policy } from '../../src/schedule/policy.ts';
import { entryBytes, render } from '../../src/schedule/render.ts';
import { initialState, type ScheduleState, subscriptions } from '../../src/schedule/schedule.ts';
import { command, life } from '../support/arbitrary-commands.ts';

const NARROW: Policy = {
  ...DEFAULT_POLICY,
  maxSubscriptions: 5,
  maxPendingExecutions: 3,
  maxGroups: 3,
  requestsPerMinute: 20,
  maxScheduleBytes: 600,
  deniedTables: ['shadow'],
};

interface Lived {
  readonly states: readonly ScheduleState[];
  readonly events: readonly (readonly ScheduleEvent[])[];
}

function live(commands: readonly Command[], policy: Policy): Lived {
  const states: ScheduleState[] = [initialState()];
  const events: (readonly ScheduleEvent[])[] = [];
  for (const one of commands) {
    const state = states.at(-1) ?? initialState();
    const decision = decide(state, one, policy);
    events.push(decision.events);
    states.push(decision.events.reduce(evolve, state));
  }
  return { states, events };
}

const last = ({ states }: Lived): ScheduleState => states.at(-1) ?? initialState();

describe('For any sequence of commands', () => {
  test('deciding never throws, in a log that has not started either', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 20 }), (commands) => {
        live(commands, NARROW);
      }),
    );
  });

  test('folding what was appended gives the live state, at every moment', () => {
    fc.assert(
      fc.property(life, fc.nat(), (commands, pick) => {
        const lived = live(commands, NARROW);
        assert.deepEqual(fold(initialState(), lived.events.flat()), last(lived));
        const moment = pick % lived.states.length;
        assert.deepEqual(fold(initialState(), lived.events.slice(0, moment).flat()), lived.states[moment]);
      }),
    );
  });

  test('a snapshot and the tail behind it give the same as the whole', () => {
    fc.assert(
      fc.property(life, fc.nat(), (commands, pick) => {
        const lived = live(commands, NARROW);
        const moment = pick % lived.states.length;
        const snapshot: ScheduleState = JSON.parse(JSON.stringify(lived.states[moment]));
        assert.deepEqual(fold(snapshot, lived.events.slice(moment).flat()), last(lived));
        const rendered = JSON.stringify(render(fold(snapshot, lived.events.slice(moment).flat())));
        assert.equal(rendered, JSON.stringify(render(last(lived))));
      }),
    );
  });

  test('every fact is as its schema says, after its way through JSON too', () => {
    fc.assert(
      fc.property(life, (commands) => {
        for (const { type, data } of live(commands, NARROW).events.flat()) {
          assert.deepEqual(EVENT_SCHEMAS[type].parse(JSON.parse(JSON.stringify(data))), data);
        }
      }),
    );
  });

  test('a name is given to osquery once and never again', () => {
    fc.assert(
      fc.property(life, (commands) => {
        const names = live(commands, NARROW)
          .events.flat()
          .flatMap((event) =>
            event.type === 'QuerySubscribed' || event.type === 'QueryExecuted' ? [event.data.name] : [],
          );
        assert.equal(new Set(names).size, names.length);
      }),
    );
  });

  test('no Bro has the same query twice, or more than its limits allow', () => {
    fc.assert(
      fc.property(life, (commands) => {
        for (const state of live(commands, NARROW).states) {
          const all = subscriptions(state);
          assert.equal(new Set(all.map(({ peer, query }) => peer + identityOf(query))).size, all.length);
          for (const bro of Object.values(state.bros)) {
            assert.ok(Object.keys(bro.subscriptions).length <= NARROW.maxSubscriptions);
            assert.ok(bro.groups.length <= NARROW.maxGroups);
          }
          const bytes = all.reduce((sum, one) => sum + entryBytes(one.name, one), 0);
          assert.equal(state.scheduleBytes, bytes);
          assert.ok(bytes <= NARROW.maxScheduleBytes);
        }
      }),
    );
  });

  test('what a search leaves out is one of its suspects and not running, and comes back with its end', () => {
    fc.assert(
      fc.property(life, (commands) => {
        for (const { breaker, ...state } of live(commands, NARROW).states) {
          const names = subscriptions({ breaker, ...state }).map(({ name }) => name);
          for (const [name, { reason }] of Object.entries(breaker.suspended)) {
            assert.ok(names.includes(name));
            if (reason !== 'search') continue;
            assert.ok(breaker.search?.status === 'halving');
            assert.ok(breaker.search.suspects.includes(name) && !breaker.search.running.includes(name));
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  test('the same command right after it was granted changes nothing, unless it is one that counts', () => {
    const counts = new Set([
      'StartExtension',
      'StopExtension',
      'ConnectBro',
      'RefuseQuery',
      'RecordScheduleApplied',
      'RecordScheduleRefused',
      'RecordDrop',
    ]);
    fc.assert(
      fc.property(life, command, (commands, again) => {
        fc.pre(!counts.has(again.type));
        const before = last(live(commands, NARROW));
        // The first leave takes the Bro's own claim back; what is left then is the configuration's, which it can't leave.
        fc.pre(again.type !== 'Leave' || !before.configuredGroups.includes(again.group));
        const first = decide(before, again, NARROW);
        fc.pre(first.refusal === null);
        const second = decide(fold(before, first.events), again, NARROW);
        assert.deepEqual(second, { events: [], refusal: null });
      }),
    );
  });

  test('what a Bro does leaves what others have subscribed for themselves alone', () => {
    const ofBros = new Set([
      'Subscribe',
      'Unsubscribe',
      'Execute',
      'LoseBro',
      'ConnectBro',
      'NarrowToDesiredQueries',
    ]);
    fc.assert(
      fc.property(life, command, (commands, act) => {
        fc.pre(ofBros.has(act.type) && 'peer' in act);
        const before = last(live(commands, NARROW));
        const after = fold(before, decide(before, act, NARROW).events);
        const others = (state: ScheduleState) =>
          subscriptions(state).filter(({ peer }) => 'peer' in act && peer !== act.peer);
        assert.deepEqual(others(after), others(before));
      }),
    );
  });
});
