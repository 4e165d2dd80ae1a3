import { describe, test } from 'node:test';
import { clipped } from '../../src/schedule/clipping.ts';
import type { Command } from '../../src/schedule/commands.ts';
import type { Policy } from '../../src/schedule/policy.ts';
import { given } from '../support/given.ts';
import {
  bro,
  caused,
  connect,
  execute,
  fact,
  HOST,
  join,
  lose,
  oneTimeQuery,
  PROCESS_COLUMNS,
  query,
  second,
  start,
  subscribe,
} from '../support/schedule-builders.ts';

const ZEEK = 'zeek:9999';
const OTHER = 'other-zeek:9999';
const connected = [start(0), connect(1, ZEEK, 'a'), connect(1, OTHER, 'x')];

interface Limit {
  readonly limits: Partial<Policy>;
  readonly history: readonly Command[];
  readonly changes: Parameters<typeof subscribe>[3];
  readonly code: string;
  readonly text: string;
}

const LIMITS: Readonly<Record<string, Limit>> = {
  'more subscriptions than it may have': {
    limits: { maxSubscriptions: 1 },
    history: [subscribe(2, ZEEK, 'a', { query: query({ cookie: 'first' }) })],
    changes: {},
    code: 'too-many-subscriptions',
    text: 'the limit of 1 subscriptions for each Zeek is reached on this host',
  },
  'a shorter interval than is allowed': {
    limits: { shortestInterval: 5 },
    history: [],
    changes: { query: query({ interval: 4 }) },
    code: 'interval-too-short',
    text: 'an interval of 4 s is too short, the shortest is 5 s',
  },
  'a longer interval than osquery takes': {
    limits: {},
    history: [],
    changes: { query: query({ interval: 604_801 }) },
    code: 'interval-too-long',
    text: 'an interval of 604801 s is too long, the longest is 604800 s',
  },
  'with SQL that is too long': {
    limits: { maxSqlLength: 8 },
    history: [],
    changes: { query: query({ sql: 'SELECT 10' }) },
    code: 'sql-too-long',
    text: 'the SQL has 9 characters, the limit is 8',
  },
  'with SQL that is no text': {
    limits: {},
    history: [],
    changes: { query: query({ sql: "SELECT '\udcff'" }) },
    code: 'sql-not-text',
    text: 'the SQL is not valid UTF-8',
  },
  'with a cookie that is too long': {
    limits: {},
    history: [],
    changes: { query: query({ cookie: 'c'.repeat(5000) }) },
    code: 'words-too-long',
    text: "the request's cookie is 5000 characters long, the limit is 4096",
  },
  'a table that is denied': {
    limits: { deniedTables: ['Shadow'] },
    history: [],
    changes: { tables: ['users', 'shadow'] },
    code: 'table-not-allowed',
    text: "this host does not allow queries to read table 'shadow'",
  },
  'a table beside those that are allowed': {
    limits: { allowedTables: ['Processes', 'time'] },
    history: [],
    changes: { tables: ['processes', 'shadow'] },
    code: 'table-not-allowed',
    text: "this host does not allow queries to read table 'shadow'",
  },
  'two columns of one name': {
    limits: {},
    history: [],
    changes: {
      columns: [
        { name: 'pid', type: 'BIGINT' },
        { name: 'path', type: 'TEXT' },
        { name: 'path', type: 'TEXT' },
      ],
    },
    code: 'columns-same-name',
    text: "columns 2 and 3 of the result are both named 'path', and osquery keeps one value a name, the last; give each a name of its own, for instance … AS path_2 and … AS path_3",
  },
  'a column of the one name that is lost on the way': {
    limits: {},
    history: [],
    changes: { columns: [{ name: '__proto__', type: 'UNKNOWN' }] },
    code: 'column-name',
    text: 'a column is called __proto__, which is lost on the way from osquery; give it another name with AS',
  },
  'columns whose names differ in case alone': {
    limits: {},
    history: [],
    changes: {
      columns: ['count(*)', 'pid', 'COUNT(*)', 'Count(*)'].map((name) => ({ name, type: 'BIGINT' as const })),
    },
    code: 'columns-same-name',
    text: `columns 1, 3 and 4 of the result are all, but for upper and lower case, named 'count(*)', and osquery keeps one value a name, the last; give each a name of its own, for instance … AS "count(*)_1", … AS "COUNT(*)_3" and … AS "Count(*)_4"`,
  },
  'differences of a constant that is infinite': {
    limits: {},
    history: [],
    changes: { query: query({ sql: 'SELECT CAST(9e999 AS DOUBLE) AS inf' }) },
    code: 'constant-overflows',
    text: '9e999 is too large for a double, which makes it infinity; osqueryd exits when a differential query has such a value: take at most 1.7e308, or ask for SNAPSHOT',
  },
  'differences of a text that is cast to infinity': {
    limits: {},
    history: [],
    changes: { query: query({ sql: "SELECT CAST(' -1.8E+308' AS REAL) AS inf" }) },
    code: 'constant-overflows',
    text: '-1.8E+308 is too large for a double, which makes it infinity; osqueryd exits when a differential query has such a value: take at most 1.7e308, or ask for SNAPSHOT',
  },
  'more than fits into the config of osquery': {
    limits: { maxScheduleBytes: 150 },
    history: [subscribe(2, OTHER, 'x')],
    changes: {},
    code: 'schedule-full',
    text: 'the schedule would be 192 bytes long, the limit of this host is 150',
  },
};

describe('A Bro that subscribes', () => {
  for (const [what, { limits, history, changes, code, text }] of Object.entries(LIMITS)) {
    test(`${what} is refused with the reason; what it has stays`, () => {
      const command = subscribe(9, ZEEK, 'a', changes);
      given(...connected, ...history)
        .under(limits)
        .when(command)
        .thenRefused(
          { code, text },
          caused(9, ZEEK, 9, 'QueryRefused', {
            peer: ZEEK,
            request: 'subscribe',
            code,
            text,
            query: { ...command.query, cookie: clipped(command.query.cookie) },
          }),
        )
        .andOsqueryRunsOnly(...history.map((_, index) => bro(index + 1)));
    });
  }

  test('snapshots of an infinite constant, or differences of a text, a comment or a name like one, gets them', () => {
    for (const changes of [
      { sql: 'SELECT 9e999 AS inf', updateType: 'SNAPSHOT' as const },
      { sql: 'SELECT \'costs 9e999\' AS "9e999" -- 9e999' },
      { sql: 'SELECT 1.7e308 AS large, x9e999 FROM processes /* 9e999 */' },
    ]) {
      given(...connected)
        .when(subscribe(2, ZEEK, 'a', { query: query(changes) }))
        .andOsqueryRunsOnly(bro(1));
    }
  });

  test('at its limit leaves other Bros theirs', () => {
    given(...connected, subscribe(2, ZEEK, 'a'))
      .under({ maxSubscriptions: 1 })
      .when(subscribe(3, OTHER, 'x'))
      .thenHappens(
        caused(3, OTHER, 3, 'QuerySubscribed', {
          name: bro(2),
          peer: OTHER,
          incarnation: 'x',
          generation: 1,
          query: query(),
          columns: PROCESS_COLUMNS,
          tables: ['processes'],
          audience: HOST,
        }),
      );
  });

  test('by a connection that is gone is refused', () => {
    const refusal = {
      code: 'not-connected',
      text: 'the connection of the request is closed',
    };
    given(...connected, lose(2, ZEEK), connect(3, ZEEK, 'b'))
      .when(subscribe(9, ZEEK, 'a'))
      .thenRefused(
        refusal,
        caused(9, ZEEK, 9, 'QueryRefused', { peer: ZEEK, request: 'subscribe', ...refusal, query: query() }),
      );
    given(start(0))
      .when(subscribe(9, ZEEK, 'a'))
      .thenRefused(refusal);
  });
});

describe('A Bro that asks for more than its requests a minute', () => {
  const refusal = {
    code: 'too-many-requests',
    text: 'more than 2 new requests in a minute; try again later',
  };
  const two = [
    ...connected,
    subscribe(10, ZEEK, 'a', { query: query({ cookie: '1' }) }),
    execute(20, ZEEK, 'a', { cookie: '2' }),
  ];
  const third = query({ cookie: '3' });

  test('is refused, which the log has once', () => {
    given(...two)
      .under({ requestsPerMinute: 2 })
      .when(subscribe(30, ZEEK, 'a', { query: third }))
      .thenRefused(
        refusal,
        caused(30, ZEEK, 30, 'QueryRefused', { peer: ZEEK, request: 'subscribe', ...refusal, query: third }),
      );
  });

  test('and goes on requesting is refused each time, while the log stays as it is', () => {
    given(...two, subscribe(30, ZEEK, 'a', { query: third }))
      .under({ requestsPerMinute: 2 })
      .when(subscribe(31, ZEEK, 'a', { query: third }))
      .thenRefused(refusal);
    given(...two, subscribe(30, ZEEK, 'a', { query: third }))
      .under({ requestsPerMinute: 2 })
      .when(join(31, ZEEK, 'geo'))
      .thenRefused(refusal);
  });

  test('may ask again a minute after the first', () => {
    given(...two, subscribe(30, ZEEK, 'a', { query: third }))
      .under({ requestsPerMinute: 2 })
      .when(subscribe(70, ZEEK, 'a', { query: third }))
      .thenHappens(
        caused(70, ZEEK, 70, 'QuerySubscribed', {
          name: bro(3),
          peer: ZEEK,
          incarnation: 'a',
          generation: 1,
          query: third,
          columns: PROCESS_COLUMNS,
          tables: ['processes'],
          audience: HOST,
        }),
      );
  });

  test('may repeat what it has as often as it likes, in a new generation too', () => {
    given(...two)
      .under({ requestsPerMinute: 2 })
      .when(subscribe(30, ZEEK, 'a', { query: query({ cookie: '1' }) }))
      .thenNothing();
    given(...two, connect(25, ZEEK, 'b'))
      .under({ requestsPerMinute: 2 })
      .when(subscribe(30, ZEEK, 'b', { query: query({ cookie: '1' }) }))
      .thenHappens(
        caused(30, ZEEK, 30, 'QueryUnsubscribed', { name: bro(1), peer: ZEEK, reason: 'new-generation' }),
        caused(30, ZEEK, 30, 'QuerySubscribed', {
          name: bro(3),
          peer: ZEEK,
          incarnation: 'b',
          generation: 2,
          query: query({ cookie: '1' }),
          columns: PROCESS_COLUMNS,
          tables: ['processes'],
          audience: HOST,
        }),
      );
  });
});

describe('What counts against a Bro', () => {
  const granted = (seconds: number, name: string) =>
    caused(seconds, ZEEK, seconds, 'QuerySubscribed', {
      name,
      peer: ZEEK,
      incarnation: 'a',
      generation: 1,
      query: query({ cookie: 'new' }),
      columns: PROCESS_COLUMNS,
      tables: ['processes'],
      audience: HOST,
    });
  const asksForMore = (seconds: number) => subscribe(seconds, ZEEK, 'a', { query: query({ cookie: 'new' }) });

  test('is no second generation of what it was granted before', () => {
    const columns = PROCESS_COLUMNS.slice(0, 1);
    given(...connected, subscribe(10, ZEEK, 'a'), subscribe(20, ZEEK, 'a', { columns }))
      .under({ requestsPerMinute: 2 })
      .when(asksForMore(30))
      .thenHappens(granted(30, bro(3)));
  });

  test('begins anew where the clock was set back', () => {
    const asked = [100, 101, 50].map((seconds) =>
      subscribe(seconds, ZEEK, 'a', { query: query({ cookie: String(seconds) }) }),
    );
    given(...connected, ...asked)
      .under({ requestsPerMinute: 3 })
      .when(asksForMore(102))
      .thenHappens(granted(102, bro(4)));
  });

  test('is what the schedule has of it, not what that replaces', () => {
    const columns = PROCESS_COLUMNS.slice(0, 1);
    given(...connected, subscribe(2, ZEEK, 'a'))
      .under({ maxScheduleBytes: 96 })
      .when(subscribe(9, ZEEK, 'a', { columns }))
      .thenHappens(
        caused(9, ZEEK, 9, 'QueryUnsubscribed', { name: bro(1), peer: ZEEK, reason: 'columns-changed' }),
        caused(9, ZEEK, 9, 'QuerySubscribed', {
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

describe('A query that osquery refuses', () => {
  test("is reported to its Bro with osquery's message, and nothing else changes", () => {
    const reason = { code: 'osquery', text: 'no such table: nosuch' };
    const bad = query({ sql: 'SELECT * FROM nosuch' });
    given(...connected, subscribe(2, ZEEK, 'a'))
      .when({
        type: 'RefuseQuery',
        at: second(9),
        cause: { peer: ZEEK, requestId: 9 },
        peer: ZEEK,
        request: 'subscribe',
        query: bad,
        reason,
      })
      .thenRefused(
        reason,
        caused(9, ZEEK, 9, 'QueryRefused', { peer: ZEEK, request: 'subscribe', ...reason, query: bad }),
      )
      .andOsqueryRunsOnly(bro(1));
  });
});

describe('A one-time query', () => {
  const columns = PROCESS_COLUMNS;
  const executed = caused(2, ZEEK, 2, 'QueryExecuted', {
    name: bro(1),
    peer: ZEEK,
    incarnation: 'a',
    query: oneTimeQuery(),
    columns,
    tables: ['processes'],
    audience: HOST,
  });

  test('waits for its rows, and is no part of the schedule', () => {
    given(...connected)
      .when(execute(2, ZEEK, 'a'))
      .thenHappens(executed)
      .andOsqueryRunsOnly();
  });

  test('asked again while it waits (a broadcast and an individual message) runs once', () => {
    given(...connected, execute(2, ZEEK, 'a'))
      .when(execute(3, ZEEK, 'a', { responseTopic: '/bro/osquery/all' }))
      .thenNothing();
  });

  test('is over once its rows are in the journal, and may then be asked again', () => {
    const completed = { type: 'CompleteExecution', at: second(3), name: bro(1), rows: 7, error: '' } as const;
    given(...connected, execute(2, ZEEK, 'a'))
      .when(completed)
      .thenHappens(fact(3, 'ExecutionCompleted', { name: bro(1), peer: ZEEK, rows: 7, error: '' }));
    given(...connected, execute(2, ZEEK, 'a'), completed)
      .when(completed)
      .thenNothing();
    given(...connected, execute(2, ZEEK, 'a'), completed)
      .when(execute(4, ZEEK, 'a'))
      .thenHappens(
        caused(4, ZEEK, 4, 'QueryExecuted', {
          name: bro(2),
          peer: ZEEK,
          incarnation: 'a',
          query: oneTimeQuery(),
          columns,
          tables: ['processes'],
          audience: HOST,
        }),
      );
  });

  test('that waits ends when its Bro cancels it', () => {
    given(...connected, execute(2, ZEEK, 'a', { queryId: 'q1', zeekInstance: 'z1' }))
      .when({
        type: 'Unsubscribe',
        at: second(3),
        cause: { peer: ZEEK, requestId: 3 },
        peer: ZEEK,
        vocabulary: 'zeek-osquery',
        match: { by: 'queryId', queryId: 'q1', zeekInstance: 'z1' },
      })
      .thenHappens(caused(3, ZEEK, 3, 'ExecutionCancelled', { name: bro(1), peer: ZEEK, reason: 'asked' }));
  });

  test('beyond those that may wait is refused', () => {
    const refusal = {
      code: 'too-many-executions',
      text: '1 one-time queries of this Zeek are pending; try again later',
    };
    given(...connected, execute(2, ZEEK, 'a'))
      .under({ maxPendingExecutions: 1 })
      .when(execute(3, ZEEK, 'a', { cookie: 'more' }))
      .thenRefused(
        refusal,
        caused(3, ZEEK, 3, 'QueryRefused', {
          peer: ZEEK,
          request: 'execute',
          ...refusal,
          query: oneTimeQuery({ cookie: 'more' }),
        }),
      );
  });

  test('found unanswered at a start of ours is run again, but not for ever: it may be what brings us down', () => {
    given(...connected, execute(2, ZEEK, 'a'), lose(3, ZEEK), lose(3, OTHER), start(4), start(5))
      .when(start(6))
      .thenHappens(fact(6, 'ExtensionStarted', { instanceId: 'instance-1', version: '0.1.0' }));
    given(...connected, execute(2, ZEEK, 'a'), lose(3, ZEEK), lose(3, OTHER), start(4), start(5), start(6))
      .when(start(7))
      .thenHappens(fact(7, 'ExtensionStarted', { instanceId: 'instance-1', version: '0.1.0' }));
  });

  test('that was run again too often is given up once its Bro is connected', () => {
    const found = [...connected, execute(2, ZEEK, 'a'), lose(3, ZEEK), start(4), start(5), start(6)];
    const back = { peer: ZEEK, incarnation: 'a', transport: 'tcp', standing: 'reconnected' } as const;
    given(...found)
      .when(connect(7, ZEEK, 'a'))
      .thenHappens(fact(7, 'BroConnected', back));
    given(...found, start(7))
      .when(connect(8, ZEEK, 'a'))
      .thenHappens(
        fact(8, 'BroConnected', back),
        fact(8, 'ExecutionCancelled', { name: bro(1), peer: ZEEK, reason: 'unanswered' }),
      );
  });
});
