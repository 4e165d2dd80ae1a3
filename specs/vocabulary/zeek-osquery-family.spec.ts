import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { count, enumValue, integer, none, string, vector } from '../../src/broker/data.ts';
import { parseIpAddress } from '../../src/broker/ip-address.ts';
import { bro201702 } from '../../src/vocabulary/bro-2017-02.ts';
import type { Column, Query, ResultRow } from '../../src/vocabulary/model.ts';
import type { Vocabulary } from '../../src/vocabulary/vocabulary.ts';
import { zeekAgent1 } from '../../src/vocabulary/zeek-agent-1.ts';
import { zeekOsquery } from '../../src/vocabulary/zeek-osquery.ts';
import { sampleHost } from '../support/sample-host.ts';
import { zeekEvent } from '../support/zeek-requests.ts';

interface Member {
  readonly vocabulary: Vocabulary;
  /** Prefix of the requests' names and of the enum. */
  readonly requests: string;
  readonly enums: string;
  readonly all: string;
  readonly host: string;
  readonly group: string;
  readonly initial: string;
}

const MEMBERS: readonly Member[] = [
  {
    vocabulary: bro201702('/bro/osquery'),
    requests: 'osquery::',
    enums: 'osquery::',
    all: '/bro/osquery/all',
    host: '/bro/osquery/uid',
    group: '/bro/osquery/group',
    initial: 'ADD',
  },
  {
    vocabulary: zeekOsquery('/bro/osquery'),
    requests: 'osquery::hosts::',
    enums: 'osquery::',
    all: '/bro/osquery/hosts',
    host: '/bro/osquery/host',
    group: '/bro/osquery/group',
    initial: 'ADD',
  },
  {
    vocabulary: zeekAgent1('/zeek/zeek-agent'),
    requests: 'ZeekAgent::',
    enums: 'ZeekAgent::',
    all: '/zeek/zeek-agent/hosts',
    host: '/zeek/zeek-agent/host',
    group: '/zeek/zeek-agent/group',
    initial: 'INITIAL',
  },
];

const host = sampleHost();
const session = { at: 1_795_495_464_000, connectionId: 'c1' };
const SQL = 'SELECT pid, name FROM processes';

for (const member of MEMBERS) {
  const { vocabulary } = member;
  const query: Query = {
    vocabulary: vocabulary.id,
    event: 'Procs::change',
    sql: SQL,
    cookie: 'my cookie',
    responseTopic: '/bro/osquery/bro/BroMaster',
    updateType: 'BOTH',
    initialRows: true,
    queryId: '',
    zeekInstance: '',
  };

  describe(vocabulary.id, () => {
    test('a host listens for all, for itself, and for its groups and what encloses them', () => {
      assert.deepEqual(vocabulary.filter(host), [
        member.all,
        `${member.host}/h1`,
        `${member.group}/geo/de/hamburg`,
        `${member.group}/geo/de`,
        `${member.group}/geo`,
        `${member.group}/servers`,
      ]);
    });

    test('host_subscribe asks for a repeated query with a topic for its rows', () => {
      const subscribe = zeekEvent(
        `${member.requests}host_subscribe`,
        'Procs::change',
        SQL,
        'my cookie',
        '/bro/osquery/bro/BroMaster',
        'BOTH',
        count(30),
      );
      assert.deepEqual(vocabulary.decode(`${member.host}/h1`, subscribe, host), {
        outcome: 'request',
        request: {
          type: 'subscribe',
          query: { ...query, interval: 30 },
          requiresTables: [],
          ifMissingTables: [],
        },
        audience: { to: 'host' },
        topic: `${member.host}/h1`,
      });
    });

    test('without a topic for the rows they come where the request came in', () => {
      const execute = zeekEvent(
        `${member.requests}host_execute`,
        'Procs::change',
        SQL,
        'my cookie',
        '',
        'SNAPSHOT',
      );
      assert.deepEqual(vocabulary.decode(`${member.group}/geo/de`, execute, host), {
        outcome: 'request',
        request: {
          type: 'execute',
          query: { ...query, responseTopic: `${member.group}/geo/de`, updateType: 'SNAPSHOT' },
          requiresTables: [],
          ifMissingTables: [],
        },
        audience: { to: 'group', group: 'geo/de' },
        topic: `${member.group}/geo/de`,
      });
    });

    test('host_unsubscribe means a query by all that identifies it', () => {
      const unsubscribe = zeekEvent(
        `${member.requests}host_unsubscribe`,
        'Procs::change',
        SQL,
        'my cookie',
        '/x',
        'REMOVE',
        count(30),
      );
      assert.deepEqual(vocabulary.decode(member.all, unsubscribe, host), {
        outcome: 'request',
        request: {
          type: 'unsubscribe',
          vocabulary: vocabulary.id,
          match: {
            by: 'identity',
            event: 'Procs::change',
            sql: SQL,
            cookie: 'my cookie',
            updateType: 'REMOVED',
            interval: 30,
          },
        },
        audience: { to: 'all' },
        topic: member.all,
      });
    });

    test('host_join and host_leave name a group', () => {
      for (const type of ['join', 'leave'] as const)
        assert.deepEqual(
          vocabulary.decode(`${member.host}/h1`, zeekEvent(`${member.requests}host_${type}`, 'geo/fr'), host),
          {
            outcome: 'request',
            request: { type, vocabulary: vocabulary.id, group: 'geo/fr' },
            audience: { to: 'host' },
            topic: `${member.host}/h1`,
          },
        );
    });

    test('every spelling of an update type is understood', () => {
      for (const [spelling, updateType] of [
        ['ADD', 'ADDED'],
        ['ADDED', 'ADDED'],
        ['REMOVE', 'REMOVED'],
        ['REMOVED', 'REMOVED'],
        ['BOTH', 'BOTH'],
        ['SNAPSHOT', 'SNAPSHOT'],
      ] as const) {
        const execute = zeekEvent(
          `${member.requests}host_execute`,
          'Procs::change',
          SQL,
          'my cookie',
          '/r',
          spelling,
        );
        assert.deepEqual(vocabulary.decode(member.all, execute, host), {
          outcome: 'request',
          request: {
            type: 'execute',
            query: { ...query, responseTopic: '/r', updateType },
            requiresTables: [],
            ifMissingTables: [],
          },
          audience: { to: 'all' },
          topic: member.all,
        });
      }
    });

    test('an event is known by its name, also where a Zeek prints its type behind it', () => {
      for (const spelling of [
        'Procs::change: event(info:osquery::ResultInfo, pid:int)',
        'Procs::change\n{ print 1 }',
        'Procs::change: event(info:osquery::ResultInfo)\n{ }',
      ]) {
        const execute = zeekEvent(`${member.requests}host_execute`, spelling, SQL, 'my cookie', '/r', 'BOTH');
        const decoded = vocabulary.decode(member.all, execute, host);
        assert.ok(decoded?.outcome === 'request' && decoded.request.type === 'execute');
        assert.equal(decoded.request.query.event, 'Procs::change');
      }
    });

    test('an interval is brought into the range that osquery takes', () => {
      for (const [asked, interval] of [
        [0n, 1],
        [604_800n, 604_800],
        [2n ** 64n - 1n, 604_800],
      ] as const) {
        const decoded = vocabulary.decode(
          member.all,
          zeekEvent(`${member.requests}host_subscribe`, 'ev', SQL, '', '/r', 'BOTH', count(asked)),
          host,
        );
        assert.ok(decoded?.outcome === 'request' && decoded.request.type === 'subscribe');
        assert.equal(decoded.request.query.interval, interval);
      }
    });

    test('rows carry a record of host, update type and cookie, then the columns in the order of the query', () => {
      const columns: readonly Column[] = [
        { name: 'pid', type: 'BIGINT' },
        { name: 'name', type: 'TEXT' },
      ];
      const encode = vocabulary.rowEncoder(query, columns, host);
      const row: ResultRow = {
        change: 'ADDED',
        initial: false,
        unixTime: 1_795_495_464,
        columns: { name: 'sh', pid: '' },
      };
      const event = (utype: string) => ({
        topic: '/bro/osquery/bro/BroMaster',
        event: {
          name: 'Procs::change',
          args: [
            vector([string('h1'), enumValue(`${member.enums}${utype}`), string('my cookie')]),
            integer(0),
            string('sh'),
          ],
        },
      });
      assert.deepEqual(encode(row), event('ADD'));
      assert.deepEqual(encode({ ...row, change: 'REMOVED' }), event('REMOVE'));
      assert.deepEqual(encode({ ...row, change: 'SNAPSHOT' }), event('SNAPSHOT'));
      assert.deepEqual(encode({ ...row, initial: true }), event(member.initial));
      assert.deepEqual(encode({ ...row, change: 'SNAPSHOT', initial: true }), event('SNAPSHOT'));
    });

    test('the null policy can be chosen', () => {
      const columns: readonly Column[] = [{ name: 'pid', type: 'BIGINT' }];
      const row: ResultRow = { change: 'ADDED', initial: false, unixTime: 0, columns: { pid: '' } };
      const info = vector([string('h1'), enumValue(`${member.enums}ADD`), string('my cookie')]);
      assert.deepEqual(vocabulary.rowEncoder(query, columns, host, { nullPolicy: 'none' })(row), {
        topic: query.responseTopic,
        event: { name: 'Procs::change', args: [info, none] },
      });
      assert.deepEqual(vocabulary.rowEncoder(query, columns, host, { nullPolicy: 'skip_row' })(row), {
        problem: 'null',
        column: 'pid',
        type: 'BIGINT',
        value: '',
        text: 'column "pid" (BIGINT) is NULL, and rows with NULL in a numeric column are skipped (null_policy: skip_row)',
      });
    });

    test('a malformed request is answered with what was expected and what came', () => {
      const parameters =
        'ev: string, query: string, cookie: string, resT: string, utype: string, inter: count';
      const cases: readonly [Parameters<typeof zeekEvent>, string][] = [
        [
          [`${member.requests}host_subscribe`, 'ev', SQL, '', '/r', 'BOTH', integer(10)],
          `argument 6 (inter) must be a count, got the integer 10; expected ${member.requests}host_subscribe(${parameters})`,
        ],
        [
          [
            `${member.requests}host_subscribe`,
            'ev',
            SQL,
            '',
            '/r',
            enumValue(`${member.enums}BOTH`),
            count(10),
          ],
          `argument 5 (utype) must be a string, got the enum value ${member.enums}BOTH; expected ${member.requests}host_subscribe(${parameters})`,
        ],
        [
          [`${member.requests}host_join`, ''],
          `argument 1 (group) must be a group's name (1 to 1024 characters, no / at its ends), got the string ""; expected ${member.requests}host_join(group: string)`,
        ],
        [
          [`${member.requests}host_leave`],
          `got 0 arguments (); expected ${member.requests}host_leave(group: string)`,
        ],
      ];
      for (const [event, problem] of cases)
        assert.deepEqual(vocabulary.decode(member.all, zeekEvent(...event), host), {
          outcome: 'malformed',
          vocabulary: vocabulary.id,
          topic: member.all,
          problem,
        });
    });
  });
}

test('V2 announces itself as V1 does, on its own topic', () => {
  const [v2] = MEMBERS;
  const addresses = host.addresses.map((text) => parseIpAddress(text) ?? none);
  assert.deepEqual(v2?.vocabulary.announcement(host, session), [
    {
      topic: '/bro/osquery/announce',
      event: {
        name: 'osquery::host_new',
        args: [string('h1'), vector([string('geo/de/hamburg'), string('servers')]), vector(addresses)],
      },
    },
  ]);
});

test('V3 announces its Broker endpoint, so that Zeek knows whose peer_lost is whose, in the modules of both its times', () => {
  const args = [
    string('5ba5a5e5-0000-4000-8000-000000000001'),
    string('h1'),
    vector([string('geo/de/hamburg'), string('servers')]),
  ];
  const topic = '/bro/osquery/host_announce';
  assert.deepEqual(zeekOsquery('/bro/osquery').announcement(host, session), [
    { topic, event: { name: 'osquery::hosts::host_new', args } },
    { topic, event: { name: 'osquery::host_new', args } },
  ]);
});

test('V3 takes requests from scripts of either of its times', () => {
  const vocabulary = zeekOsquery('/bro/osquery');
  for (const module of ['osquery::hosts::', 'osquery::']) {
    const event = zeekEvent(`${module}host_subscribe`, 'ev', 'SELECT 1', '', '/r', 'BOTH', count(10));
    const decoded = vocabulary.decode('/bro/osquery/hosts', event, host);
    assert(decoded?.outcome === 'request' && decoded.request.type === 'subscribe', module);
    assert.equal(decoded.request.query.sql, 'SELECT 1');
  }
});

test('V4 announces version and edition too', () => {
  assert.deepEqual(zeekAgent1('/zeek/zeek-agent').announcement(host, session), [
    {
      topic: '/zeek/zeek-agent/host_announce',
      event: {
        name: 'ZeekAgent::host_new',
        args: [
          string('5ba5a5e5-0000-4000-8000-000000000001'),
          string('web-1'),
          string('h1'),
          vector([string('geo/de/hamburg'), string('servers')]),
          string('1.2.3'),
          string('osquery'),
        ],
      },
    },
  ]);
});

test('V4 takes INITIAL in a request for what its scripts say it means: BOTH', () => {
  const decoded = zeekAgent1('/zeek/zeek-agent').decode(
    '/zeek/zeek-agent/hosts',
    zeekEvent('ZeekAgent::host_execute', 'ev', SQL, '', '/r', 'INITIAL'),
    host,
  );
  assert.ok(decoded?.outcome === 'request' && decoded.request.type === 'execute');
  assert.equal(decoded.request.query.updateType, 'BOTH');
});

test("warnings are the same in V2 and V3, our package's own where it is there, and in V4 there are none", () => {
  const notice = { level: 'warning', text: 'careful' } as const;
  const old = { at: 0, packageVersion: '' };
  const ours = { at: 0, packageVersion: '1.0.0' };
  const args = [string('h1'), string('careful')];
  assert.deepEqual(bro201702('/bro/osquery').notice(notice, host, old), {
    topic: '/bro/osquery/announce',
    event: { name: 'osquery::host_warning', args },
  });
  assert.deepEqual(zeekOsquery('/bro/osquery').notice(notice, host, old), {
    topic: '/bro/osquery/host_announce',
    event: { name: 'osquery::host_warning', args },
  });
  assert.deepEqual(zeekOsquery('/bro/osquery').notice(notice, host, ours), {
    topic: '/bro/osquery/host_announce',
    event: { name: 'osquery::hosts::host_warning', args },
  });
  assert.equal(zeekAgent1('/zeek/zeek-agent').notice(notice, host, ours), undefined);
});
