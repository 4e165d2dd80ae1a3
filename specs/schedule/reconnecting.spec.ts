import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fold } from '../../src/schedule/evolve.ts';
import { after, given } from '../support/given.ts';
import {
  ALL,
  bro,
  caused,
  completeResync,
  connect,
  execute,
  fact,
  group,
  HOST,
  join,
  lose,
  PROCESS_COLUMNS,
  query,
  second,
  start,
  subscribe,
} from '../support/schedule-builders.ts';

const ZEEK = 'zeek:9999';
const OTHER = 'other-zeek:9999';
const subscribed = [start(0), connect(1, ZEEK, 'a'), subscribe(2, ZEEK, 'a'), completeResync(31, ZEEK)];

describe('A Bro connects', () => {
  test('for the first time', () => {
    given(start(0))
      .when(connect(1, ZEEK, 'a'))
      .thenHappens(
        fact(1, 'BroConnected', { peer: ZEEK, incarnation: 'a', transport: 'tcp', standing: 'new' }),
      );
  });

  test('again, the same Zeek process: it has merely reconnected', () => {
    given(...subscribed, lose(40, ZEEK))
      .when(connect(50, ZEEK, 'a'))
      .thenHappens(
        fact(50, 'BroConnected', {
          peer: ZEEK,
          incarnation: 'a',
          transport: 'tcp',
          standing: 'reconnected',
        }),
      )
      .andOsqueryRunsOnly(bro(1));
  });

  test('again, another Zeek process: it has lost its state, and its queries run on until it has spoken', () => {
    given(...subscribed, lose(40, ZEEK))
      .when(connect(50, ZEEK, 'b'))
      .thenHappens(
        fact(50, 'BroConnected', { peer: ZEEK, incarnation: 'b', transport: 'tcp', standing: 'restarted' }),
      )
      .andOsqueryRunsOnly(bro(1));
  });
});

describe('A Bro that merely reconnected', () => {
  const back = [...subscribed, lose(40, ZEEK), connect(50, ZEEK, 'a')];

  test('repeats a query: it goes on under its name, and no row comes twice', () => {
    given(...back)
      .when(subscribe(51, ZEEK, 'a'))
      .thenHappens(caused(51, ZEEK, 51, 'QueryConfirmed', { name: bro(1), peer: ZEEK, audience: HOST }))
      .andOsqueryRunsOnly(bro(1));
  });

  test('repeats it twice: the second time is nothing new', () => {
    given(...back, subscribe(51, ZEEK, 'a'))
      .when(subscribe(52, ZEEK, 'a'))
      .thenNothing();
  });

  test('repeats it: after the resync window it runs on', () => {
    given(...back, subscribe(51, ZEEK, 'a'))
      .when(completeResync(80, ZEEK))
      .thenHappens(fact(80, 'ResyncCompleted', { peer: ZEEK, kept: 1, ended: 0 }))
      .andOsqueryRunsOnly(bro(1));
  });

  test('does not repeat it: it was unsubscribed meanwhile, and ends with the resync window', () => {
    given(...back)
      .when(completeResync(80, ZEEK))
      .thenHappens(
        fact(80, 'QueryUnsubscribed', { name: bro(1), peer: ZEEK, reason: 'not-repeated' }),
        fact(80, 'ResyncCompleted', { peer: ZEEK, kept: 0, ended: 1 }),
      )
      .andOsqueryRunsOnly();
  });

  test('goes again before the window is over: nothing ends for not having been repeated', () => {
    given(...back, lose(60, ZEEK))
      .when(completeResync(80, ZEEK))
      .thenNothing()
      .andOsqueryRunsOnly(bro(1));
  });
});

describe('A Bro that has lost its state', () => {
  const restarted = [
    ...subscribed,
    subscribe(32, ZEEK, 'a', { query: query({ cookie: 'second' }) }),
    lose(40, ZEEK),
    connect(50, ZEEK, 'b'),
  ];
  const again = caused(51, ZEEK, 51, 'QuerySubscribed', {
    name: bro(3),
    peer: ZEEK,
    incarnation: 'b',
    generation: 2,
    query: query(),
    columns: PROCESS_COLUMNS,
    tables: ['processes'],
    audience: ALL,
  });

  test('asks again: a new generation under a new name, whose first run brings the current rows', () => {
    given(...restarted)
      .when(subscribe(51, ZEEK, 'b', { audience: ALL }))
      .thenHappens(
        caused(51, ZEEK, 51, 'QueryUnsubscribed', { name: bro(1), peer: ZEEK, reason: 'new-generation' }),
        again,
      )
      .andOsqueryRunsOnly(bro(2), bro(3));
  });

  test('and asks twice: the second time is nothing new', () => {
    given(...restarted, subscribe(51, ZEEK, 'b', { audience: ALL }))
      .when(subscribe(52, ZEEK, 'b', { audience: ALL }))
      .thenNothing();
  });

  test('loses what it does not ask for again', () => {
    given(...restarted, subscribe(51, ZEEK, 'b', { audience: ALL }))
      .when(completeResync(80, ZEEK))
      .thenHappens(
        fact(80, 'QueryUnsubscribed', { name: bro(2), peer: ZEEK, reason: 'not-repeated' }),
        fact(80, 'ResyncCompleted', { peer: ZEEK, kept: 1, ended: 1 }),
      )
      .andOsqueryRunsOnly(bro(3));
  });

  test('and merely reconnects afterwards: its new generation goes on', () => {
    given(
      ...restarted,
      subscribe(51, ZEEK, 'b'),
      completeResync(80, ZEEK),
      lose(90, ZEEK),
      connect(100, ZEEK, 'b'),
    )
      .when(subscribe(101, ZEEK, 'b'))
      .thenHappens(caused(101, ZEEK, 101, 'QueryConfirmed', { name: bro(3), peer: ZEEK, audience: HOST }));
  });
});

describe('A Bro is lost', () => {
  test('and its queries run on: their rows wait for it', () => {
    given(...subscribed)
      .when(lose(40, ZEEK))
      .thenHappens(fact(40, 'BroLost', { peer: ZEEK, reason: 'connection closed' }))
      .andOsqueryRunsOnly(bro(1));
  });

  test('that was lost already, or never there: nothing new', () => {
    given(...subscribed, lose(40, ZEEK))
      .when(lose(41, ZEEK))
      .thenNothing();
    given(start(0)).when(lose(41, ZEEK)).thenNothing();
  });

  test('and never returns: what it asked for ends when its time is over, and only that', () => {
    given(
      ...subscribed,
      connect(32, OTHER, 'x'),
      subscribe(33, OTHER, 'x'),
      join(34, ZEEK, 'geo'),
      execute(35, ZEEK, 'a'),
      lose(40, ZEEK),
    )
      .when({ type: 'ExpireBro', at: second(86_000), peer: ZEEK })
      .thenHappens(
        fact(86_000, 'QueryUnsubscribed', { name: bro(1), peer: ZEEK, reason: 'expired' }),
        fact(86_000, 'ExecutionCancelled', { name: bro(3), peer: ZEEK, reason: 'expired' }),
        fact(86_000, 'GroupLeft', { peer: ZEEK, group: 'geo', reason: 'expired' }),
        fact(86_000, 'BroExpired', { peer: ZEEK }),
      )
      .andOsqueryRunsOnly(bro(2));
  });

  test('and never returns: what it asked for through a group of its own ends once', () => {
    given(
      start(0),
      connect(1, ZEEK, 'a'),
      connect(1, OTHER, 'x'),
      join(2, ZEEK, 'geo'),
      subscribe(3, ZEEK, 'a', { audience: group('geo') }),
      subscribe(4, OTHER, 'x', { audience: group('geo') }),
      lose(40, ZEEK),
    )
      .when({ type: 'ExpireBro', at: second(86_000), peer: ZEEK })
      .thenHappens(
        fact(86_000, 'QueryUnsubscribed', { name: bro(1), peer: ZEEK, reason: 'expired' }),
        fact(86_000, 'GroupLeft', { peer: ZEEK, group: 'geo', reason: 'expired' }),
        fact(86_000, 'QueryUnsubscribed', { name: bro(2), peer: OTHER, reason: 'group-left' }),
        fact(86_000, 'BroExpired', { peer: ZEEK }),
      )
      .andOsqueryRunsOnly();
  });

  test('and forgotten by a log that has lost how its queries ended: they end with it', () => {
    const state = after([...subscribed, connect(32, OTHER, 'x')]);
    const without = after([
      start(0),
      connect(1, ZEEK, 'a'),
      completeResync(31, ZEEK),
      connect(32, OTHER, 'x'),
    ]);
    const { nextName, ...rest } = fold(state, [fact(40, 'BroExpired', { peer: ZEEK })]);
    const { nextName: _, ...expected } = fold(without, [fact(40, 'BroExpired', { peer: ZEEK })]);
    assert.equal(nextName, 2);
    assert.deepEqual(rest, expected);
  });

  test('but one that is there does not expire', () => {
    given(...subscribed)
      .when({ type: 'ExpireBro', at: second(86_000), peer: ZEEK })
      .thenNothing();
  });

  test('expired, and is back after all: it is as new', () => {
    given(...subscribed, lose(40, ZEEK), { type: 'ExpireBro', at: second(86_000), peer: ZEEK })
      .when(connect(86_001, ZEEK, 'a'))
      .thenHappens(
        fact(86_001, 'BroConnected', { peer: ZEEK, incarnation: 'a', transport: 'tcp', standing: 'new' }),
      );
  });
});

describe('The extension starts', () => {
  test('for the first time: the log gets its id, which is part of every name it gives to osquery', () => {
    given()
      .when(start(0))
      .thenHappens(
        fact(0, 'LogStarted', { logId: '5eed1095-0000-4000-8000-000000000001', reason: 'the log is new' }),
        fact(0, 'ExtensionStarted', { instanceId: 'instance-1', version: '0.1.0' }),
      );
  });

  test('again, after a crash: the schedule is there before any Bro is, and Bros are to come back', () => {
    given(...subscribed)
      .when(start(60))
      .thenHappens(
        fact(60, 'ExtensionStarted', { instanceId: 'instance-1', version: '0.1.0' }),
        fact(60, 'BroLost', { peer: ZEEK, reason: 'the extension restarted' }),
      )
      .andOsqueryRunsOnly(bro(1));
  });

  test('on a log that may have lost facts: names from now on are others, since osquery may know the old ones', () => {
    given(...subscribed, lose(40, ZEEK), {
      ...start(60),
      renewNames: true,
      logId: 'feedbeef-0000-4000-8000-000000000002',
    })
      .when(connect(61, ZEEK, 'b'))
      .thenHappens(
        fact(61, 'BroConnected', { peer: ZEEK, incarnation: 'b', transport: 'tcp', standing: 'restarted' }),
      );
    given(
      ...subscribed,
      lose(40, ZEEK),
      {
        ...start(60),
        renewNames: true,
        logId: 'feedbeef-0000-4000-8000-000000000002',
      },
      connect(61, ZEEK, 'b'),
      subscribe(62, ZEEK, 'b'),
    )
      .when(completeResync(90, ZEEK))
      .thenHappens(fact(90, 'ResyncCompleted', { peer: ZEEK, kept: 1, ended: 0 }))
      .andOsqueryRunsOnly('bro_feedbeef_2');
  });
});

describe('The configuration', () => {
  const configured = { type: 'ConfigureBros', at: second(3), peers: [ZEEK, OTHER] } as const;

  test('names Bros', () => {
    given(start(0))
      .when(configured)
      .thenHappens(fact(3, 'BrosConfigured', { peers: [ZEEK, OTHER] }));
  });

  test('that names the same Bros again, in whatever order, is nothing new', () => {
    given(start(0), configured)
      .when({ ...configured, peers: [OTHER, ZEEK, OTHER] })
      .thenNothing();
  });

  test('no longer names a Bro: what that one asked for ends, connected or not', () => {
    given(...subscribed, configured, connect(32, OTHER, 'x'), subscribe(33, OTHER, 'x'))
      .when({ type: 'ConfigureBros', at: second(40), peers: [OTHER] })
      .thenHappens(
        fact(40, 'BrosConfigured', { peers: [OTHER] }),
        fact(40, 'QueryUnsubscribed', { name: bro(1), peer: ZEEK, reason: 'bro-removed' }),
        fact(40, 'BroRemoved', { peer: ZEEK }),
      )
      .andOsqueryRunsOnly(bro(2));
  });

  test('never named a Bro that reached us by itself: a change of it ends nothing of that one', () => {
    given(...subscribed, { type: 'ConfigureBros', at: second(3), peers: [OTHER] })
      .when({ type: 'ConfigureBros', at: second(40), peers: [] })
      .thenHappens(fact(40, 'BrosConfigured', { peers: [] }))
      .andOsqueryRunsOnly(bro(1));
  });
});
