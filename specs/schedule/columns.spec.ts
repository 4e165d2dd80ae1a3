import { describe, test } from 'node:test';
import type { CommandOf } from '../../src/schedule/commands.ts';
import type { Column } from '../../src/vocabulary/model.ts';
import { given } from '../support/given.ts';
import {
  ALL,
  bro,
  connect,
  fact,
  HOST,
  lose,
  PROCESS_COLUMNS,
  query,
  second,
  start,
  subscribe,
} from '../support/schedule-builders.ts';

const ZEEK = 'zeek:9999';
const subscribed = [start(0), connect(1, ZEEK, 'a'), subscribe(2, ZEEK, 'a')];
const OTHERS: readonly Column[] = [{ name: 'pid', type: 'TEXT' }];

function told(seconds: number, columns: readonly Column[], name = bro(1)): CommandOf<'RecordColumns'> {
  return {
    type: 'RecordColumns',
    at: second(seconds),
    name,
    peer: ZEEK,
    query: query(),
    columns,
    tables: ['processes'],
  };
}

const ended = fact(9, 'QueryUnsubscribed', { name: bro(1), peer: ZEEK, reason: 'columns-changed' });
const anew = {
  name: bro(2),
  peer: ZEEK,
  incarnation: 'a',
  generation: 2,
  query: query(),
  columns: OTHERS,
  tables: ['processes'],
  audience: HOST,
};

describe('A subscription of which osquery tells', () => {
  test('the same columns again goes on', () => {
    given(...subscribed)
      .when(told(9, PROCESS_COLUMNS))
      .thenNothing();
  });

  test('the same columns, but of which something else runs in its place, begins anew with that', () => {
    const translation = { sql: 'SELECT pid FROM temp.processes', sources: [] };
    given(...subscribed)
      .when({ ...told(9, PROCESS_COLUMNS), translation })
      .thenHappens(ended, fact(9, 'QuerySubscribed', { ...anew, columns: PROCESS_COLUMNS, translation }))
      .andOsqueryRuns({
        [bro(2)]: { query: translation.sql, interval: query().interval, startup_priority: 1 },
      });
  });

  test('what osquery has no table for is not in its schedule', () => {
    const source = { kind: 'lines', name: 'zeek_agent_1', pattern: '/x' } as const;
    const translation = { sql: 'SELECT * FROM zeek_agent_1', sources: [source] };
    given(...subscribed)
      .when({ ...told(9, OTHERS), translation })
      .thenHappens(ended, fact(9, 'QuerySubscribed', { ...anew, translation }))
      .andOsqueryRuns({});
  });

  test('other columns begins anew with those, though a type alone is another', () => {
    given(...subscribed)
      .when(told(9, OTHERS))
      .thenHappens(ended, fact(9, 'QuerySubscribed', anew))
      .andOsqueryRunsOnly(bro(2));
  });

  test('other columns keeps each way by which it came', () => {
    given(...subscribed, subscribe(3, ZEEK, 'a', { audience: ALL }))
      .when(told(9, OTHERS))
      .thenHappens(
        ended,
        fact(9, 'QuerySubscribed', anew),
        fact(9, 'QueryConfirmed', { name: bro(2), peer: ZEEK, audience: ALL }),
      );
  });

  test('other columns while its Zeek is away is still to be repeated by it', () => {
    given(...subscribed, lose(5, ZEEK), connect(6, ZEEK, 'a'))
      .when(told(9, OTHERS))
      .thenHappens(ended, fact(9, 'QuerySubscribed', { ...anew, confirmed: false }));
    given(...subscribed, lose(5, ZEEK), connect(6, ZEEK, 'a'), told(9, OTHERS))
      .when({ type: 'CompleteResync', at: second(36), peer: ZEEK })
      .andOsqueryRunsOnly();
  });

  test('columns that it can not be had with ends', () => {
    const refusal = {
      code: 'columns-same-name',
      text: "columns 1 and 2 of the result are both named 'pid', and osquery keeps one value a name, the last; give each a name of its own, for instance … AS pid_1 and … AS pid_2",
    };
    given(...subscribed)
      .when(told(9, [...OTHERS, ...OTHERS]))
      .thenRefused(
        refusal,
        ended,
        fact(9, 'QueryRefused', { peer: ZEEK, request: 'subscribe', ...refusal, query: query() }),
      )
      .andOsqueryRunsOnly();
  });

  test('columns after it has ended changes nothing', () => {
    given(...subscribed)
      .when(told(9, OTHERS, bro(7)))
      .thenNothing();
  });
});
