import { describe, test } from 'node:test';
import { given } from '../support/given.ts';
import {
  bro,
  caused,
  connect,
  execute,
  fact,
  query,
  second,
  start,
  subscribe,
} from '../support/schedule-builders.ts';

const ZEEK = 'zeek:9999';
const connected = [start(0), connect(1, ZEEK, 'a')];

const greet = (seconds: number, zeekInstance: string) =>
  ({
    type: 'GreetBro',
    at: second(seconds),
    cause: { peer: ZEEK, requestId: seconds },
    peer: ZEEK,
    zeekInstance,
  }) as const;

describe('Several Zeek instances may use one Bro', () => {
  test('each says hello again and again; the first time is a fact', () => {
    given(...connected)
      .when(greet(2, 'z1'))
      .thenHappens(caused(2, ZEEK, 2, 'ZeekGreeted', { peer: ZEEK, zeekInstance: 'z1' }));
    given(...connected, greet(2, 'z1'))
      .when(greet(62, 'z1'))
      .thenNothing();
  });

  test('one shuts down, or stops responding: its queries end, those of others stay', () => {
    given(
      ...connected,
      greet(2, 'z1'),
      greet(3, 'z2'),
      subscribe(4, ZEEK, 'a', { query: query({ zeekInstance: 'z1' }) }),
      subscribe(5, ZEEK, 'a', { query: query({ zeekInstance: 'z2' }) }),
      execute(6, ZEEK, 'a', { zeekInstance: 'z1' }),
    )
      .when({
        type: 'FarewellBro',
        at: second(9),
        cause: null,
        peer: ZEEK,
        zeekInstance: 'z1',
        reason: 'no hello for 10 minutes',
      })
      .thenHappens(
        fact(9, 'QueryUnsubscribed', { name: bro(1), peer: ZEEK, reason: 'zeek-departed' }),
        fact(9, 'ExecutionCancelled', { name: bro(3), peer: ZEEK, reason: 'zeek-departed' }),
        fact(9, 'ZeekDeparted', { peer: ZEEK, zeekInstance: 'z1', reason: 'no hello for 10 minutes' }),
      )
      .andOsqueryRunsOnly(bro(2));
  });

  test('a thousand are kept in mind: the one after them is served, and no fact', () => {
    const thousand = Array.from({ length: 1_000 }, (_, n) => greet(2, `z${n}`));
    given(...connected, ...thousand)
      .when(greet(3, 'one more'))
      .thenNothing();
    given(...connected, ...thousand.slice(1))
      .when(greet(3, 'one more'))
      .thenHappens(caused(3, ZEEK, 3, 'ZeekGreeted', { peer: ZEEK, zeekInstance: 'one more' }));
  });

  test('the Bro merely reconnects: they are known; it starts anew: each is to say hello again', () => {
    given(...connected, greet(2, 'z1'), connect(3, ZEEK, 'a'))
      .when(greet(4, 'z1'))
      .thenNothing();
    given(...connected, greet(2, 'z1'), connect(3, ZEEK, 'b'))
      .when(greet(4, 'z1'))
      .thenHappens(caused(4, ZEEK, 4, 'ZeekGreeted', { peer: ZEEK, zeekInstance: 'z1' }));
  });

  test('an unknown one shuts down: nothing', () => {
    given(...connected)
      .when({
        type: 'FarewellBro',
        at: second(9),
        cause: { peer: ZEEK, requestId: 9 },
        peer: ZEEK,
        zeekInstance: 'z1',
        reason: 'goodbye',
      })
      .thenNothing();
  });
});

describe('What is observed becomes part of the log', () => {
  test('osquery applied the schedule, or refuses it', () => {
    given(...connected)
      .when({ type: 'RecordScheduleApplied', at: second(2), hash: 'abc', entries: 3 })
      .thenHappens(fact(2, 'ScheduleApplied', { hash: 'abc', entries: 3 }));
    given(...connected)
      .when({ type: 'RecordScheduleRefused', at: second(2), hash: 'abc', reason: 'no JSON' })
      .thenHappens(fact(2, 'ScheduleRefused', { hash: 'abc', reason: 'no JSON' }));
  });

  test("osquery's watchdog stops a query, and lets it run again, each once", () => {
    const denylisted = {
      type: 'RecordDenylisted',
      at: second(3),
      name: bro(1),
      denylisted: true,
    } as const;
    const history = [...connected, subscribe(2, ZEEK, 'a')];
    given(...history)
      .when(denylisted)
      .thenHappens(fact(3, 'QueryDenylisted', { name: bro(1), peer: ZEEK }));
    given(...history, denylisted)
      .when(denylisted)
      .thenNothing();
    given(...history, denylisted)
      .when({ ...denylisted, denylisted: false })
      .thenHappens(fact(3, 'QueryReleased', { name: bro(1), peer: ZEEK }));
  });

  test('rows are dropped that a Bro should have had', () => {
    const drop = {
      type: 'RecordDrop',
      at: second(3),
      peer: ZEEK,
      rows: 12,
      reason: 'the journal is full',
    } as const;
    given(...connected)
      .when(drop)
      .thenHappens(fact(3, 'RowsDropped', { peer: ZEEK, rows: 12, reason: 'the journal is full' }));
    given(start(0)).when(drop).thenNothing();
    // Nobody knows how many there were, if any.
    const reason = 'results of osquery were not received';
    given(...connected)
      .when({ ...drop, rows: 0, reason })
      .thenHappens(fact(3, 'RowsDropped', { peer: ZEEK, rows: 0, reason }));
  });

  test('the extension ends in good order', () => {
    given(...connected)
      .when({ type: 'StopExtension', at: second(3), reason: 'osqueryd asked' })
      .thenHappens(fact(3, 'ExtensionStopped', { reason: 'osqueryd asked' }));
  });
});
