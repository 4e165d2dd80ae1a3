import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Command } from '../../src/schedule/commands.ts';
import { decide } from '../../src/schedule/decide.ts';
import { fold } from '../../src/schedule/evolve.ts';
import { DEFAULT_POLICY } from '../../src/schedule/policy.ts';
import { render } from '../../src/schedule/render.ts';
import { initialState, type ScheduleState } from '../../src/schedule/schedule.ts';
import { reviewDue } from '../../src/schedule/suspensions.ts';
import { given } from '../support/given.ts';
import {
  applied,
  bro,
  caused,
  connect,
  DAY,
  fact,
  HOST,
  osqueryd,
  PROCESS_COLUMNS,
  query,
  recordOsqueryd,
  review,
  second,
  start,
  subscribe,
  unsubscribe,
} from '../support/schedule-builders.ts';

const ZEEK = 'zeek:9999';
const OTHER = 'other-zeek:9999';
const A_DAY = 86_400;
const infinite = query({ sql: 'SELECT avg(x) AS a FROM t' });
const harmless = query();

/** Two queries run on an osqueryd that was given them at second 4. */
const running: readonly Command[] = [
  start(0),
  recordOsqueryd(0, 100),
  connect(1, ZEEK, 'a'),
  subscribe(2, ZEEK, 'a', { query: infinite }),
  subscribe(3, ZEEK, 'a', { query: harmless }),
  applied(4, 2),
];
const text = 'Error adding new results to database for query bro_5eed1095_1: Error serializing JSON';
const named = { told: true, end: { blame: 'query', name: bro(1), text } } as const;
const diedOnce = [...running, recordOsqueryd(20, 101, named), applied(21, 2)];
const diedTwice = [...diedOnce, recordOsqueryd(40, 102, named), applied(41, 1)];
const untilNextDay = second(40 + A_DAY);

describe('A query that stood at the death of osqueryd', () => {
  test('once is held against it, and goes on', () => {
    given(...running)
      .when(recordOsqueryd(20, 101, named))
      .thenHappens(
        fact(20, 'OsquerydDied', { suspects: [bro(1)], blame: 'query', reason: text }),
        fact(20, 'OsquerydStarted', osqueryd(101, 20)),
      )
      .andOsqueryRunsOnly(bro(1), bro(2));
  });

  test('twice is left out of the schedule for a day', () => {
    given(...diedOnce)
      .when(recordOsqueryd(40, 102, named))
      .thenHappens(
        fact(40, 'OsquerydDied', { suspects: [bro(1)], blame: 'query', reason: text }),
        fact(40, 'QuerySuspended', {
          name: bro(1),
          peer: ZEEK,
          reason: 'osqueryd-died',
          until: untilNextDay,
        }),
        fact(40, 'OsquerydStarted', osqueryd(102, 40)),
      )
      .andOsqueryRunsOnly(bro(2));
  });

  test('twice takes the same query of another Zeek with it, but not its snapshot', () => {
    given(
      ...running,
      connect(5, OTHER, 'x'),
      subscribe(6, OTHER, 'x', { query: { ...infinite, interval: 99 } }),
      subscribe(7, OTHER, 'x', { query: { ...infinite, updateType: 'SNAPSHOT' } }),
      applied(8, 4),
      recordOsqueryd(20, 101, named),
      applied(21, 4),
    )
      .when(recordOsqueryd(40, 102, { interrupted: bro(3) }))
      .andOsqueryRunsOnly(bro(2), bro(4));
  });

  test('twice, with more than a week between, goes on', () => {
    given(...diedOnce)
      .when(recordOsqueryd(20 + 7 * A_DAY, 102, named))
      .andOsqueryRunsOnly(bro(1), bro(2));
  });

  test('goes on where its Zeek merely repeats itself, and stays left out where it stands so', () => {
    given(...diedTwice, connect(50, ZEEK, 'a'))
      .when(subscribe(51, ZEEK, 'a', { query: infinite }))
      .thenHappens(caused(51, ZEEK, 51, 'QueryConfirmed', { name: bro(1), peer: ZEEK, audience: HOST }))
      .andOsqueryRunsOnly(bro(2));
  });

  test('is tried again when its Zeek asks anew, and is left out at the next death', () => {
    const again = [
      ...diedTwice,
      unsubscribe(50, ZEEK, { by: 'sql', sql: infinite.sql }),
      subscribe(51, ZEEK, 'a', { query: infinite }),
      applied(52, 2),
    ];
    given(...again.slice(0, -2))
      .when(subscribe(51, ZEEK, 'a', { query: infinite }))
      .andOsqueryRunsOnly(bro(2), bro(3));
    given(...again)
      .when(recordOsqueryd(60, 103, { interrupted: bro(3) }))
      .andOsqueryRunsOnly(bro(2));
  });

  test('is tried again when its Zeek has started anew', () => {
    given(...diedTwice, connect(50, ZEEK, 'b'))
      .when(subscribe(51, ZEEK, 'b', { query: infinite }))
      .andOsqueryRunsOnly(bro(2), bro(3));
  });

  test('is left out for another Zeek that asks for the same meanwhile', () => {
    given(...diedTwice, connect(50, OTHER, 'x'))
      .when(subscribe(51, OTHER, 'x', { query: infinite }))
      .thenHappens(
        caused(51, OTHER, 51, 'QuerySubscribed', {
          name: bro(3),
          peer: OTHER,
          incarnation: 'x',
          generation: 1,
          query: infinite,
          columns: PROCESS_COLUMNS,
          tables: ['processes'],
          audience: HOST,
        }),
        caused(51, OTHER, 51, 'QuerySuspended', {
          name: bro(3),
          peer: OTHER,
          reason: 'osqueryd-died',
          until: untilNextDay,
        }),
      )
      .andOsqueryRunsOnly(bro(2));
  });

  test('is tried again after a day, and not before', () => {
    given(...diedTwice)
      .when(review(39 + A_DAY))
      .thenNothing();
    given(...diedTwice)
      .when(review(40 + A_DAY))
      .thenHappens(fact(40 + A_DAY, 'QueryResumed', { name: bro(1), peer: ZEEK, reason: 'time-over' }))
      .andOsqueryRunsOnly(bro(1), bro(2));
  });
});

describe('An end of osqueryd', () => {
  const calm = { told: true, end: { blame: 'none', name: '', text: '' } } as const;

  test('that it told, and of which its log has no failure, is none of a query', () => {
    given(...running)
      .when(recordOsqueryd(20, 101, calm))
      .thenHappens(fact(20, 'OsquerydStarted', osqueryd(101, 20)));
    given(...running, { type: 'RecordOsquerydStopping', at: second(19) })
      .when(recordOsqueryd(20, 101, { ...calm, told: false }))
      .thenHappens(fact(20, 'OsquerydStarted', osqueryd(101, 20)));
  });

  test('with the whole system is none of a query', () => {
    const command = recordOsqueryd(20, 101);
    const rebooted = { ...command, osqueryd: { ...command.osqueryd, boot: 'another' } };
    given(...running)
      .when(rebooted)
      .thenHappens(fact(20, 'OsquerydStarted', rebooted.osqueryd));
  });

  test('that our own end came before is none of a query', () => {
    given(...running, { type: 'StopExtension', at: second(10), reason: 'SIGTERM' })
      .when(recordOsqueryd(20, 101))
      .thenHappens(fact(20, 'OsquerydStarted', osqueryd(101, 20)));
  });

  test('because of its logger is held against no query, however often', () => {
    const text = 'Error logging the results of query: bro_5eed1095_1: no room';
    const logger = { told: true, end: { blame: 'logger', name: bro(1), text } } as const;
    given(
      ...running,
      recordOsqueryd(20, 101, logger),
      applied(21, 2),
      recordOsqueryd(30, 102, logger),
      applied(31, 2),
    )
      .when(recordOsqueryd(40, 103, logger))
      .thenHappens(
        fact(40, 'OsquerydDied', { suspects: [], blame: 'logger', reason: text }),
        fact(40, 'OsquerydStarted', osqueryd(103, 40)),
      );
  });

  test('of which the same osqueryd is told again is none', () => {
    const command = recordOsqueryd(20, 100);
    given(...running)
      .when({ ...command, osqueryd: osqueryd(100, 0) })
      .thenNothing();
  });
});

describe('Where no query can be named', () => {
  test('the second death halves the schedule', () => {
    given(...running, recordOsqueryd(20, 101), applied(21, 2))
      .when(recordOsqueryd(40, 102))
      .thenHappens(
        fact(40, 'OsquerydDied', { suspects: [], blame: 'unknown', reason: '' }),
        fact(40, 'SuspectsHalved', { suspects: [bro(1), bro(2)], running: [bro(1)], until: second(40 + 68) }),
        fact(40, 'QuerySuspended', { name: bro(2), peer: ZEEK, reason: 'search', until: second(40 + 68) }),
        fact(40, 'OsquerydStarted', osqueryd(102, 40)),
      )
      .andOsqueryRunsOnly(bro(1));
  });

  test('osqueryd that told its end must have done so three times soon after it was given the schedule', () => {
    const told = { told: true } as const;
    const twice = [...running, recordOsqueryd(20, 101, told), applied(21, 2), recordOsqueryd(40, 102, told)];
    given(...twice.slice(0, -1))
      .when(recordOsqueryd(40, 102, told))
      .andOsqueryRunsOnly(bro(1), bro(2));
    given(...twice, applied(41, 2))
      .when(recordOsqueryd(60, 103, told))
      .andOsqueryRunsOnly(bro(1));
    given(...twice, applied(41, 2))
      .when(recordOsqueryd(400, 103, told))
      .thenHappens(fact(400, 'OsquerydStarted', osqueryd(103, 400)));
  });

  test('the query that ends osqueryd is found, whichever it is, and no other is left out', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.nat(),
        fc.integer({ min: 1, max: 50 }),
        (size, at, lifetime) => {
          const guilty = bro((at % size) + 1);
          const names = Array.from({ length: size }, (_, index) => bro(index + 1));
          const { state, deaths } = live(size, lifetime, (runs) => runs.includes(guilty));
          assert.deepEqual(
            Object.keys(render(state).schedule),
            names.filter((name) => name !== guilty),
          );
          assert.ok(deaths <= 3 + Math.ceil(Math.log2(size)), `${deaths} deaths for ${size} queries`);
        },
      ),
    );
  });

  test('all queries run where osqueryd dies without any of them', () => {
    const { state } = live(8, 10, () => true);
    assert.equal(Object.keys(render(state).schedule).length, 8);
    assert.equal(state.breaker.search?.status, 'not-ours');
  });

  test('all queries run again where osqueryd dies no more', () => {
    let deaths = 0;
    const { state } = live(8, 10, () => {
      deaths += 1;
      return deaths <= 2;
    });
    assert.equal(Object.keys(render(state).schedule).length, 8);
    assert.equal(state.breaker.search, null);
  });
});

/**
 * An osqueryd that is given `size` queries and dies so many seconds later where `dies` says so of what it runs; else
 * what waits is reviewed when it is due. Goes on until nothing is due for a day, or 200 times.
 */
function live(size: number, lifetime: number, dies: (runs: readonly string[]) => boolean) {
  let state: ScheduleState = initialState();
  let now = 0;
  let deaths = 0;
  const take = (command: Command) => {
    state = fold(state, decide(state, command, DEFAULT_POLICY).events);
  };
  for (const command of [start(0), recordOsqueryd(0, 1), connect(0, ZEEK, 'a')]) take(command);
  for (let at = 1; at <= size; at += 1) {
    take(subscribe(0, ZEEK, 'a', { query: query({ sql: `SELECT ${at} AS a` }) }));
  }
  for (let turn = 0; turn < 200; turn += 1) {
    take(applied(now, Object.keys(render(state).schedule).length));
    const due = reviewDue(state);
    if (dies(Object.keys(render(state).schedule))) {
      now += lifetime;
      deaths += 1;
      take(recordOsqueryd(now, deaths + 1));
      continue;
    }
    const wait = due === null ? A_DAY : (due - DAY) / 1000 - now;
    if (wait >= A_DAY / 2) break;
    now += wait;
    take(review(now));
  }
  return { state, deaths };
}
