import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { belongsTo, groupProblem } from '../../src/schedule/groups.ts';
import { groupsOf } from '../../src/schedule/schedule.ts';
import { lineage } from '../../src/vocabulary/groups.ts';
import { after, given } from '../support/given.ts';
import {
  ALL,
  bro,
  caused,
  completeResync,
  connect,
  fact,
  group,
  join,
  leave,
  lose,
  query,
  second,
  start,
  subscribe,
} from '../support/schedule-builders.ts';

const ZEEK = 'zeek:9999';
const OTHER = 'other-zeek:9999';
const connected = [start(0), connect(1, ZEEK, 'a'), connect(1, OTHER, 'x')];

describe('Groups are nested by their names', () => {
  test('a member of a town is one of its country and its continent', () => {
    assert.deepEqual(lineage('geo/de/hamburg'), ['geo/de/hamburg', 'geo/de', 'geo']);
    assert.equal(belongsTo(['geo/de/hamburg'], 'geo/de'), true);
    assert.equal(belongsTo(['geo/de/hamburg'], 'geo/d'), false);
    assert.equal(belongsTo(['geo/de'], 'geo/de/hamburg'), false);
  });

  test('a member of a group belongs to all that it is nested in', () => {
    const name = fc.array(fc.stringMatching(/^[a-z]{1,3}$/), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(name, (parts) => {
        const own = parts.join('/');
        assert.equal(groupProblem(own), null);
        for (const ancestor of lineage(own)) assert.equal(belongsTo([own], ancestor), true);
      }),
    );
  });

  test('invalid names are refused with the reason', () => {
    assert.equal(groupProblem(''), 'the group name is empty');
    assert.equal(groupProblem('geo//de'), "group 'geo//de' has an empty part; parts are divided by one '/'");
    assert.equal(groupProblem('/geo'), "group '/geo' has an empty part; parts are divided by one '/'");
    assert.equal(groupProblem('g'.repeat(257)), 'the group name has 257 characters, the limit is 256');
    assert.equal(groupProblem('a\nb'), 'the group name has invalid characters');
  });
});

describe('A Bro has the host join a group', () => {
  test('and the host is in it, for every Bro to see', () => {
    given(...connected)
      .when(join(2, ZEEK, 'geo/de'))
      .thenHappens(caused(2, ZEEK, 2, 'GroupJoined', { peer: ZEEK, group: 'geo/de' }));
    assert.deepEqual(
      groupsOf(
        after([
          ...connected,
          { type: 'ConfigureGroups', at: second(1), groups: ['servers'] },
          join(2, ZEEK, 'geo/de'),
          join(3, OTHER, 'geo/de'),
          join(4, OTHER, 'web'),
        ]),
      ),
      ['servers', 'geo/de', 'web'],
    );
  });

  test('that it is in already: nothing new', () => {
    given(...connected, join(2, ZEEK, 'geo'))
      .when(join(3, ZEEK, 'geo'))
      .thenNothing();
  });

  test('repeats that after a reconnect: it stays', () => {
    given(...connected, join(2, ZEEK, 'geo'), lose(3, ZEEK), connect(4, ZEEK, 'a'))
      .when(join(5, ZEEK, 'geo'))
      .thenHappens(caused(5, ZEEK, 5, 'GroupConfirmed', { peer: ZEEK, group: 'geo' }));
  });

  test('repeats one of two after a reconnect: the host leaves the other with the end of the resync window', () => {
    given(
      ...connected,
      join(2, ZEEK, 'geo'),
      join(3, ZEEK, 'servers'),
      lose(4, ZEEK),
      connect(5, ZEEK, 'a'),
      join(6, ZEEK, 'geo'),
    )
      .when(completeResync(35, ZEEK))
      .thenHappens(
        fact(35, 'GroupLeft', { peer: ZEEK, group: 'servers', reason: 'not-repeated' }),
        fact(35, 'ResyncCompleted', { peer: ZEEK, kept: 0, ended: 0 }),
      );
  });

  test('does not repeat it after a reconnect: the host leaves with the end of the resync window', () => {
    given(
      ...connected,
      join(2, ZEEK, 'geo'),
      subscribe(3, ZEEK, 'a', { audience: group('geo') }),
      lose(4, ZEEK),
      connect(5, ZEEK, 'a'),
      subscribe(6, ZEEK, 'a', { audience: group('geo') }),
    )
      .when(completeResync(35, ZEEK))
      .thenHappens(
        fact(35, 'GroupLeft', { peer: ZEEK, group: 'geo', reason: 'not-repeated' }),
        fact(35, 'QueryUnsubscribed', { name: bro(1), peer: ZEEK, reason: 'group-left' }),
        fact(35, 'ResyncCompleted', { peer: ZEEK, kept: 0, ended: 1 }),
      );
  });

  test('whose name is none: it is told so', () => {
    given(...connected)
      .when(join(2, ZEEK, 'geo//de'))
      .thenRefused(
        { code: 'bad-group', text: "group 'geo//de' has an empty part; parts are divided by one '/'" },
        caused(2, ZEEK, 2, 'QueryRefused', {
          peer: ZEEK,
          request: 'join',
          code: 'bad-group',
          text: "group 'geo//de' has an empty part; parts are divided by one '/'",
          query: null,
        }),
      );
  });
});

describe('A Bro has the host leave a group', () => {
  const left = (name: string) =>
    caused(9, ZEEK, 9, 'GroupLeft', { peer: ZEEK, group: name, reason: 'asked' });
  const ended = (name: string, peer = ZEEK) =>
    caused(9, ZEEK, 9, 'QueryUnsubscribed', { name, peer, reason: 'group-left' });

  test('and what came through the group ends, through the groups around it too', () => {
    given(
      ...connected,
      join(2, ZEEK, 'geo/de/hamburg'),
      subscribe(3, ZEEK, 'a', { audience: group('geo/de/hamburg') }),
      subscribe(4, ZEEK, 'a', { audience: group('geo'), query: query({ cookie: 'continent' }) }),
      subscribe(5, ZEEK, 'a', { query: query({ cookie: 'this host' }) }),
    )
      .when(leave(9, ZEEK, 'geo/de/hamburg'))
      .thenHappens(left('geo/de/hamburg'), ended(bro(1)), ended(bro(2)))
      .andOsqueryRunsOnly(bro(3));
  });

  test('but what came to every host or to this one as well stays', () => {
    given(
      ...connected,
      join(2, ZEEK, 'geo'),
      subscribe(3, ZEEK, 'a', { audience: group('geo') }),
      subscribe(4, ZEEK, 'a', { audience: ALL }),
    )
      .when(leave(9, ZEEK, 'geo'))
      .thenHappens(left('geo'))
      .andOsqueryRunsOnly(bro(1));
  });

  test('and what came to every host as well before a reconnect, and since then through the group alone, ends', () => {
    const joined = [...connected, join(2, ZEEK, 'geo'), subscribe(3, ZEEK, 'a', { audience: ALL })];
    const again = [join(11, ZEEK, 'geo'), subscribe(12, ZEEK, 'a', { audience: group('geo') })];
    given(...joined, lose(9, ZEEK), connect(10, ZEEK, 'a'), ...again)
      .when(leave(19, ZEEK, 'geo'))
      .thenHappens(
        caused(19, ZEEK, 19, 'GroupLeft', { peer: ZEEK, group: 'geo', reason: 'asked' }),
        caused(19, ZEEK, 19, 'QueryUnsubscribed', { name: bro(1), peer: ZEEK, reason: 'group-left' }),
      );
  });

  test('but what came through a group around it stays while another group inside that one keeps the host in', () => {
    given(
      ...connected,
      join(2, ZEEK, 'geo/de'),
      join(3, ZEEK, 'geo/fr'),
      subscribe(4, ZEEK, 'a', { audience: group('geo') }),
      subscribe(5, ZEEK, 'a', { audience: group('geo/de'), query: query({ cookie: 'country' }) }),
    )
      .when(leave(9, ZEEK, 'geo/de'))
      .thenHappens(left('geo/de'), ended(bro(2)))
      .andOsqueryRunsOnly(bro(1));
  });

  test('in which another Bro keeps it: that one notices nothing', () => {
    given(
      ...connected,
      join(2, ZEEK, 'geo'),
      join(2, OTHER, 'geo'),
      subscribe(3, ZEEK, 'a', { audience: group('geo') }),
      subscribe(4, OTHER, 'x', { audience: group('geo') }),
    )
      .when(leave(9, ZEEK, 'geo'))
      .thenHappens(left('geo'), ended(bro(1)))
      .andOsqueryRunsOnly(bro(2));
  });

  test('in which nobody keeps it any more: what other Bros asked through it ends too', () => {
    given(...connected, join(2, ZEEK, 'geo'), subscribe(4, OTHER, 'x', { audience: group('geo') }))
      .when(leave(9, ZEEK, 'geo'))
      .thenHappens(left('geo'), ended(bro(1), OTHER))
      .andOsqueryRunsOnly();
  });

  test('that the host is not in: nothing', () => {
    given(...connected)
      .when(leave(9, ZEEK, 'geo'))
      .thenNothing();
  });

  test('of the configuration: only that can take the host out of it', () => {
    const text = "group 'servers' is in the host's own configuration; only that can take the host out of it";
    given(...connected, { type: 'ConfigureGroups', at: second(1), groups: ['servers'] })
      .when(leave(9, ZEEK, 'servers'))
      .thenRefused(
        { code: 'group-configured', text },
        caused(9, ZEEK, 9, 'QueryRefused', {
          peer: ZEEK,
          request: 'leave',
          code: 'group-configured',
          text,
          query: null,
        }),
      );
  });

  test('that V5 addresses by the name of the platform: leaving another group does not end what came so', () => {
    given(...connected, join(2, ZEEK, 'geo'), subscribe(3, ZEEK, 'a', { audience: group('linux') }))
      .when(leave(9, ZEEK, 'geo'))
      .thenHappens(left('geo'))
      .andOsqueryRunsOnly(bro(1));
  });
});

describe('The configuration', () => {
  test('puts the host into groups', () => {
    given(start(0))
      .when({ type: 'ConfigureGroups', at: second(1), groups: ['servers', 'geo/de', 'servers'] })
      .thenHappens(fact(1, 'GroupsConfigured', { groups: ['servers', 'geo/de'] }));
  });

  test('takes it out of one: what came through that ends', () => {
    given(
      ...connected,
      { type: 'ConfigureGroups', at: second(1), groups: ['servers', 'geo/de'] },
      subscribe(2, ZEEK, 'a', { audience: group('geo') }),
      subscribe(3, OTHER, 'x', { audience: group('servers') }),
    )
      .when({ type: 'ConfigureGroups', at: second(9), groups: ['servers'] })
      .thenHappens(
        fact(9, 'GroupsConfigured', { groups: ['servers'] }),
        fact(9, 'QueryUnsubscribed', { name: bro(1), peer: ZEEK, reason: 'group-left' }),
      )
      .andOsqueryRunsOnly(bro(2));
  });
});
