import { describe, test } from 'node:test';
import { given } from '../support/given.ts';
import {
  ALL,
  bro,
  caused,
  connect,
  group,
  HOST,
  join,
  PROCESS_COLUMNS,
  query,
  second,
  start,
  subscribe,
  unsubscribe,
} from '../support/schedule-builders.ts';

const ZEEK = 'zeek:9999';
const OTHER = 'other-zeek:9999';
const connected = [start(0), connect(1, ZEEK, 'a')];

describe('A Bro subscribes', () => {
  test('and osquery runs the query under a name of its own, at once and then at each interval', () => {
    given(...connected)
      .when(subscribe(2, ZEEK, 'a'))
      .thenHappens(
        caused(2, ZEEK, 2, 'QuerySubscribed', {
          name: bro(1),
          peer: ZEEK,
          incarnation: 'a',
          generation: 1,
          query: query(),
          columns: PROCESS_COLUMNS,
          tables: ['processes'],
          audience: HOST,
        }),
      )
      .andOsqueryRuns({
        [bro(1)]: { query: 'SELECT pid, name FROM processes', interval: 10, startup_priority: 1 },
      });
  });

  test('asking for the same again changes nothing', () => {
    given(...connected, subscribe(2, ZEEK, 'a'))
      .when(subscribe(3, ZEEK, 'a'))
      .thenNothing()
      .andOsqueryRunsOnly(bro(1));
  });

  test('asking for the same by a broadcast too is noted, and runs it no second time', () => {
    given(...connected, subscribe(2, ZEEK, 'a'))
      .when(subscribe(3, ZEEK, 'a', { audience: ALL }))
      .thenHappens(caused(3, ZEEK, 3, 'QueryConfirmed', { name: bro(1), peer: ZEEK, audience: ALL }))
      .andOsqueryRunsOnly(bro(1));
  });

  test('asking for the same through another group is noted, through the same one it is not', () => {
    const joined = [
      ...connected,
      join(2, ZEEK, 'geo/de'),
      subscribe(3, ZEEK, 'a', { audience: group('geo') }),
    ];
    given(...joined)
      .when(subscribe(4, ZEEK, 'a', { audience: group('geo/de') }))
      .thenHappens(
        caused(4, ZEEK, 4, 'QueryConfirmed', { name: bro(1), peer: ZEEK, audience: group('geo/de') }),
      );
    given(...joined)
      .when(subscribe(4, ZEEK, 'a', { audience: group('geo') }))
      .thenNothing();
  });

  test('the topic for the rows does not make it another query', () => {
    given(...connected, subscribe(2, ZEEK, 'a'))
      .when(subscribe(3, ZEEK, 'a', { query: query({ responseTopic: '/bro/osquery/all' }) }))
      .thenNothing();
  });

  for (const [part, changes] of Object.entries({
    event: { event: 'other_event' },
    SQL: { sql: 'SELECT pid, name FROM processes WHERE pid > 1' },
    cookie: { cookie: 'c' },
    'update type': { updateType: 'ADDED' },
    interval: { interval: 20 },
    vocabulary: { vocabulary: 'zeek-agent-1' },
    'query id': { queryId: 'q1' },
    'Zeek instance': { zeekInstance: 'z1' },
  } as const)) {
    test(`another ${part} makes it another query`, () => {
      const other = query(changes);
      given(...connected, subscribe(2, ZEEK, 'a'))
        .when(subscribe(3, ZEEK, 'a', { query: other }))
        .thenHappens(
          caused(3, ZEEK, 3, 'QuerySubscribed', {
            name: bro(2),
            peer: ZEEK,
            incarnation: 'a',
            generation: 1,
            query: other,
            columns: PROCESS_COLUMNS,
            tables: ['processes'],
            audience: HOST,
          }),
        )
        .andOsqueryRunsOnly(bro(1), bro(2));
    });
  }

  test('without an interval, and gets the default; a fraction is rounded up', () => {
    given(
      ...connected,
      subscribe(2, ZEEK, 'a', { query: query({ interval: 0 }) }),
      subscribe(3, ZEEK, 'a', { query: query({ interval: 2.5 }) }),
    )
      .when(subscribe(4, ZEEK, 'a', { query: query({ interval: Number.NaN }) }))
      .thenNothing()
      .andOsqueryRuns({
        [bro(1)]: { query: 'SELECT pid, name FROM processes', interval: 10, startup_priority: 1 },
        [bro(2)]: { query: 'SELECT pid, name FROM processes', interval: 3, startup_priority: 1 },
      });
  });

  test('for added rows alone, removed rows alone, both, or all rows at each run', () => {
    const sql = 'SELECT pid, name FROM processes';
    given(
      ...connected,
      subscribe(2, ZEEK, 'a', { query: query({ updateType: 'ADDED' }) }),
      subscribe(3, ZEEK, 'a', { query: query({ updateType: 'REMOVED' }) }),
      subscribe(4, ZEEK, 'a', { query: query({ updateType: 'SNAPSHOT' }) }),
    )
      .when(subscribe(5, ZEEK, 'a', { query: query({ updateType: 'SNAPSHOT' }) }))
      .thenNothing()
      .andOsqueryRuns({
        [bro(1)]: { query: sql, interval: 10, startup_priority: 1, removed: false },
        [bro(2)]: { query: sql, interval: 10, startup_priority: 1 },
        [bro(3)]: { query: sql, interval: 10, startup_priority: 1, snapshot: true },
      });
  });

  test('anew after osquery was updated and the query has other columns: it begins anew', () => {
    const columns = [...PROCESS_COLUMNS, { name: 'cgroup', type: 'TEXT' } as const];
    given(...connected, subscribe(2, ZEEK, 'a'))
      .when(subscribe(3, ZEEK, 'a', { columns }))
      .thenHappens(
        caused(3, ZEEK, 3, 'QueryUnsubscribed', { name: bro(1), peer: ZEEK, reason: 'columns-changed' }),
        caused(3, ZEEK, 3, 'QuerySubscribed', {
          name: bro(2),
          peer: ZEEK,
          incarnation: 'a',
          generation: 2,
          query: query(),
          columns,
          tables: ['processes'],
          audience: HOST,
        }),
      );
  });
});

describe('Two Bros with the same SQL', () => {
  const both = [...connected, connect(1, OTHER, 'x'), subscribe(2, ZEEK, 'a')];

  test('have an entry each, so that each gets its own rows', () => {
    given(...both, subscribe(3, OTHER, 'x'))
      .when(subscribe(4, OTHER, 'x'))
      .thenNothing()
      .andOsqueryRunsOnly(bro(1), bro(2));
  });

  test('and the one that unsubscribes leaves the other with its own', () => {
    given(...both, subscribe(3, OTHER, 'x'))
      .when(unsubscribe(4, ZEEK, { by: 'sql', sql: query().sql }))
      .thenHappens(caused(4, ZEEK, 4, 'QueryUnsubscribed', { name: bro(1), peer: ZEEK, reason: 'asked' }))
      .andOsqueryRunsOnly(bro(2));
  });
});

describe('A Bro unsubscribes', () => {
  const three = [
    ...connected,
    subscribe(2, ZEEK, 'a', { query: query({ cookie: 'one', queryId: 'q1', zeekInstance: 'z1' }) }),
    subscribe(3, ZEEK, 'a', { query: query({ cookie: 'two', queryId: 'q2', zeekInstance: 'z1' }) }),
    subscribe(4, ZEEK, 'a', { query: query({ cookie: 'two', queryId: 'q1', zeekInstance: 'z2' }) }),
  ];
  const ended = (name: string) =>
    caused(5, ZEEK, 5, 'QueryUnsubscribed', { name, peer: ZEEK, reason: 'asked' });

  test('by SQL: all queries with it end', () => {
    given(...three)
      .when(unsubscribe(5, ZEEK, { by: 'sql', sql: query().sql }))
      .thenHappens(ended(bro(1)), ended(bro(2)), ended(bro(3)))
      .andOsqueryRunsOnly();
  });

  test('by all that it asked with: that one ends', () => {
    const { event, sql, updateType } = query();
    given(...three)
      .when(unsubscribe(5, ZEEK, { by: 'identity', event, sql, cookie: 'one', updateType, interval: 10 }))
      .thenHappens(ended(bro(1)));
  });

  test('without an interval, as it subscribed: the default is meant', () => {
    const { event, sql, updateType } = query();
    given(...three)
      .when(unsubscribe(5, ZEEK, { by: 'identity', event, sql, cookie: 'one', updateType, interval: 0 }))
      .thenHappens(ended(bro(1)));
  });

  test('by query id: only that of the Zeek instance that says so', () => {
    given(...three)
      .when(unsubscribe(5, ZEEK, { by: 'queryId', queryId: 'q1', zeekInstance: 'z1' }))
      .thenHappens(ended(bro(1)));
  });

  test('by Zeek instance: all that it asked for', () => {
    given(...three)
      .when(unsubscribe(5, ZEEK, { by: 'zeekInstance', zeekInstance: 'z1' }))
      .thenHappens(ended(bro(1)), ended(bro(2)));
  });

  test('what was asked in another vocabulary stays', () => {
    given(...three)
      .when({ ...unsubscribe(5, ZEEK, { by: 'sql', sql: query().sql }), vocabulary: 'zeek-agent-1' })
      .thenNothing();
  });

  test('what is not there: no mistake, since a broadcast reaches hosts that never had it', () => {
    given(...connected)
      .when(unsubscribe(5, ZEEK, { by: 'sql', sql: 'SELECT 1' }))
      .thenNothing();
  });

  test('and subscribes again: under another name, so that osquery begins anew', () => {
    given(...connected, subscribe(2, ZEEK, 'a'), unsubscribe(3, ZEEK, { by: 'sql', sql: query().sql }))
      .when(subscribe(4, ZEEK, 'a', { audience: group('geo') }))
      .thenHappens(
        caused(4, ZEEK, 4, 'QuerySubscribed', {
          name: bro(2),
          peer: ZEEK,
          incarnation: 'a',
          generation: 1,
          query: query(),
          columns: PROCESS_COLUMNS,
          tables: ['processes'],
          audience: group('geo'),
        }),
      )
      .andOsqueryRunsOnly(bro(2));
  });
});

describe('A Bro lists its desired queries', () => {
  test('and what it holds beside it ends, in that vocabulary alone', () => {
    given(
      ...connected,
      subscribe(2, ZEEK, 'a', { query: query({ cookie: 'wanted' }) }),
      subscribe(3, ZEEK, 'a', { query: query({ cookie: 'not wanted' }) }),
      subscribe(4, ZEEK, 'a', { query: query({ cookie: 'not wanted', vocabulary: 'zeek-agent-1' }) }),
    )
      .when({
        type: 'NarrowToDesiredQueries',
        at: second(5),
        cause: { peer: ZEEK, requestId: 5 },
        peer: ZEEK,
        vocabulary: 'zeek-osquery',
        zeekInstance: '',
        queries: [query({ cookie: 'wanted', interval: 0 }), query({ cookie: 'not held yet' })],
      })
      .thenHappens(
        caused(5, ZEEK, 5, 'QueryUnsubscribed', { name: bro(2), peer: ZEEK, reason: 'not-desired' }),
      )
      .andOsqueryRunsOnly(bro(1), bro(3));
  });

  test('as one Zeek instance behind it: those of others stay', () => {
    given(
      ...connected,
      subscribe(2, ZEEK, 'a', { query: query({ zeekInstance: 'z1' }) }),
      subscribe(3, ZEEK, 'a', { query: query({ zeekInstance: 'z2' }) }),
    )
      .when({
        type: 'NarrowToDesiredQueries',
        at: second(5),
        cause: { peer: ZEEK, requestId: 5 },
        peer: ZEEK,
        vocabulary: 'zeek-osquery',
        zeekInstance: 'z1',
        queries: [],
      })
      .thenHappens(
        caused(5, ZEEK, 5, 'QueryUnsubscribed', { name: bro(1), peer: ZEEK, reason: 'not-desired' }),
      )
      .andOsqueryRunsOnly(bro(2));
  });
});
