import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type LogRecord, recordsOf } from '../../src/event-log/record.ts';
import { explain } from '../../src/replay/explain.ts';
import { inWords } from '../../src/replay/format.ts';
import { type Replayable, stateAt, statesAt, timeline } from '../../src/replay/replay.ts';
import { decide } from '../../src/schedule/decide.ts';
import { EVENT_SCHEMAS } from '../../src/schedule/events.ts';
import { fold } from '../../src/schedule/evolve.ts';
import { DEFAULT_POLICY } from '../../src/schedule/policy.ts';
import { initialState, type ScheduleState } from '../../src/schedule/schedule.ts';
import { life } from '../support/arbitrary-commands.ts';
import {
  caused,
  connect,
  DAY,
  fact,
  HOST,
  PROCESS_COLUMNS,
  query,
  second,
  start,
  subscribe,
} from '../support/schedule-builders.ts';

const ZEEK = 'zeek:9999';

/** A log in memory, with the state after each record. */
function logOf(commands: Parameters<typeof decide>[1][]): { records: LogRecord[]; states: ScheduleState[] } {
  const records: LogRecord[] = [];
  const states = [initialState()];
  for (const command of commands) {
    const state = states.at(-1) ?? initialState();
    const { events } = decide(state, command, DEFAULT_POLICY);
    records.push(...recordsOf(events, records.length + 1));
    for (const event of events) states.push(fold(states.at(-1) ?? initialState(), [event]));
  }
  return { records, states };
}

function replayable(records: readonly LogRecord[], base: Replayable['base'] = null): Replayable {
  return {
    base: base ?? { seq: 0, state: initialState() },
    records: (async function* () {
      yield* records;
    })(),
  };
}

async function wordsOf(log: Replayable, options: Parameters<typeof timeline>[1]): Promise<string[]> {
  const words: string[] = [];
  for await (const moment of timeline(log, options)) words.push(moment.words);
  return words;
}

describe('Replay', () => {
  test('of any prefix gives the state at that time', async () => {
    await fc.assert(
      fc.asyncProperty(life, fc.nat(), async (commands, pick) => {
        const { records, states } = logOf(commands);
        const seq = pick % (records.length + 1);
        assert.deepEqual(await stateAt(replayable(records), { by: 'seq', seq }), { state: states[seq], seq });
      }),
    );
  });

  test('of what is behind a snapshot gives the same as of the whole', async () => {
    await fc.assert(
      fc.asyncProperty(life, fc.nat(), async (commands, pick) => {
        const { records, states } = logOf(commands);
        const seq = pick % (records.length + 1);
        const base = { seq, state: states[seq] ?? initialState() };
        assert.deepEqual(
          await stateAt(replayable(records.slice(seq), base), null),
          await stateAt(replayable(records), null),
        );
      }),
    );
  });

  test('gives several moments with one walk, the same or out of the log as they may be', async () => {
    const { records, states } = logOf([start(0), connect(1, ZEEK, 'a'), subscribe(2, ZEEK, 'a')]);
    const at = (seq: number) => ({ by: 'seq' as const, seq });
    const seqs = (await statesAt(replayable(records), [at(0), at(2), at(2), at(99), null])).map(
      ({ seq }) => seq,
    );
    assert.deepEqual(seqs, [0, 2, 2, 4, 4]);
    assert.deepEqual((await statesAt(replayable(records), [at(3)]))[0]?.state, states[3]);
  });
});

describe('The timeline', () => {
  const { records } = logOf([
    start(0),
    connect(1, ZEEK, 'a'),
    connect(2, 'other:9999', 'x'),
    subscribe(3, ZEEK, 'a'),
    subscribe(4, 'other:9999', 'x'),
  ]);

  test('ends at a moment', async () => {
    const words = await wordsOf(replayable(records), { until: { by: 'time', time: second(1) }, bro: null });
    assert.deepEqual(words, [
      'query names in osquery begin with bro_5eed1095 (the log is new)',
      'bro-osquery 0.1.0 starts',
      'zeek:9999 connected for the first time (tcp)',
    ]);
  });

  test('tells of one Zeek alone', async () => {
    assert.deepEqual(await wordsOf(replayable(records), { until: null, bro: 'other:9999' }), [
      'other:9999 connected for the first time (tcp)',
      "other:9999 subscribes 'SELECT pid, name FROM processes' every 10 s (BOTH) for event process_state as bro_5eed1095_2, addressed to this host",
    ]);
  });

  test('shows what only another version knows', async () => {
    const moon = { seq: 1, time: DAY, type: 'MoonRose', cause: null, rest: 0, data: {} };
    assert.deepEqual(await wordsOf(replayable([moon]), { until: null, bro: null }), [
      'MoonRose: not known to this version',
    ]);
  });

  test('knows the queries that ran before its first record', async () => {
    const { states } = logOf([start(0), connect(1, ZEEK, 'a'), subscribe(2, ZEEK, 'a')]);
    const base = { seq: 4, state: states[4] ?? initialState() };
    const ended = recordsOf(
      [fact(9, 'QueryUnsubscribed', { name: 'bro_5eed1095_1', peer: ZEEK, reason: 'expired' })],
      5,
    );
    assert.deepEqual(await wordsOf(replayable(ended, base), { until: null, bro: null }), [
      "bro_5eed1095_1 'SELECT pid, name FROM processes' of zeek:9999 ends: zeek:9999 was away for too long",
    ]);
  });

  test('every event has one line of text, whatever Bros have put into it', async () => {
    const told = new Set<string>();
    await fc.assert(
      fc.asyncProperty(life, async (commands) => {
        for await (const { event, words } of timeline(replayable(logOf(commands).records), {
          until: null,
          bro: null,
        })) {
          if (event) told.add(event.type);
          assert.match(words, /^[^\p{Cc}]+$/u);
        }
      }),
    );
    assert.ok(told.size > 15, [...told].join());
    assert.equal(Object.keys(EVENT_SCHEMAS).length, 36);
  });
});

describe('An explanation', () => {
  const verdicts = async (commands: Parameters<typeof decide>[1][], subject: string) =>
    (await explain(replayable(logOf(commands).records), subject, null)).lives.map(
      ({ name, runs, verdict }) => [name, runs, verdict],
    );

  test('finds a query by its name, by its SQL in any case and spacing, and by a part of it', async () => {
    const commands = [start(0), connect(1, ZEEK, 'a'), subscribe(2, ZEEK, 'a')];
    for (const subject of ['bro_5eed1095_1', ' select  PID, name from\nprocesses;', 'processes']) {
      assert.deepEqual(await verdicts(commands, subject), [['bro_5eed1095_1', true, 'it runs']]);
    }
    assert.deepEqual(await verdicts(commands, 'SELECT 1'), []);
    assert.deepEqual(await verdicts(commands, ''), []);
  });

  test('of a request that was refused says why', async () => {
    const bad = subscribe(2, ZEEK, 'a', { query: query({ interval: 1e9 }) });
    assert.deepEqual(await verdicts([start(0), connect(1, ZEEK, 'a'), bad], 'processes'), [
      [null, false, 'it was refused: an interval of 1000000000 s is too long, the longest is 604800 s'],
    ]);
  });

  test('of very many lives shows the newest, and of a very long one its beginning and its end', async () => {
    const flapping = Array.from({ length: 100 }, (_, n) => connect(10 + n, ZEEK, 'a'));
    const { lives } = await explain(
      replayable(logOf([start(0), connect(1, ZEEK, 'a'), subscribe(2, ZEEK, 'a'), ...flapping]).records),
      'processes',
      null,
    );
    assert.deepEqual(
      lives.map(({ story, leftOut }) => [
        story.length,
        leftOut,
        story[0]?.record.seq,
        story.at(-1)?.record.seq,
      ]),
      [[80, 21, 4, 104]],
    );
    const restarting = Array.from({ length: 60 }, (_, n) => [
      connect(10 + n, ZEEK, `${n}`),
      subscribe(10 + n, ZEEK, `${n}`),
    ]).flat();
    const many = await explain(replayable(logOf([start(0), ...restarting]).records), 'processes', null);
    assert.deepEqual(
      [many.lives.length, many.olderLives, many.lives.at(-1)?.name],
      [50, 10, 'bro_5eed1095_60'],
    );
  });
});

test('every fact has its sentence', () => {
  const peer = ZEEK;
  const name = 'bro_5eed1095_1';
  const sentence = (event: Parameters<typeof inWords>[0]) => inWords(event, () => undefined);
  const sentences = [
    sentence(fact(1, 'ExtensionStopped', { reason: 'osqueryd asked' })),
    sentence(fact(1, 'BroExpired', { peer })),
    sentence(fact(1, 'BroRemoved', { peer })),
    sentence(fact(1, 'ZeekGreeted', { peer, zeekInstance: 'z1' })),
    sentence(fact(1, 'ZeekDeparted', { peer, zeekInstance: 'z1', reason: 'goodbye' })),
    sentence(fact(1, 'QueryConfirmed', { name, peer, audience: { to: 'group', group: 'geo' } })),
    sentence(fact(1, 'QueryReleased', { name, peer })),
    sentence(
      caused(1, peer, 1, 'QueryRefused', {
        peer,
        request: 'join',
        code: 'bad-group',
        text: 'no',
        query: null,
      }),
    ),
    sentence(
      caused(1, peer, 1, 'QueryExecuted', {
        name,
        peer,
        incarnation: 'a',
        query: query(),
        columns: PROCESS_COLUMNS,
        tables: [],
        audience: HOST,
      }),
    ),
    sentence(fact(1, 'ExecutionCompleted', { name, peer, rows: 0, error: 'no such table' })),
    sentence(fact(1, 'ExecutionCancelled', { name, peer, reason: 'unanswered' })),
    sentence(fact(1, 'ScheduleRefused', { hash: 'abc', reason: 'no JSON' })),
    sentence(fact(1, 'GroupsConfigured', { groups: [] })),
    sentence(fact(1, 'RowsDropped', { peer, rows: 1, reason: 'full' })),
    sentence(fact(1, 'RowsDropped', { peer, rows: 0, reason: 'nobody took them' })),
  ];
  assert.deepEqual(sentences, [
    'bro-osquery stops: osqueryd asked',
    'zeek:9999 was away for too long: its state expired',
    'zeek:9999 was removed from the configuration: its state is dropped',
    "Zeek instance 'z1' announced itself through zeek:9999",
    "Zeek instance 'z1' behind zeek:9999 left: goodbye",
    "zeek:9999 repeats bro_5eed1095_1, addressed to group 'geo': it continues",
    'osquery runs bro_5eed1095_1 of zeek:9999 again',
    'zeek:9999 asks to join a group and is refused: no (bad-group)',
    "zeek:9999 executes 'SELECT pid, name FROM processes' once as bro_5eed1095_1, addressed to this host",
    'one-time query bro_5eed1095_1 of zeek:9999 failed: no such table',
    'one-time query bro_5eed1095_1 of zeek:9999 is given up: it was unanswered at too many starts of bro-osquery',
    'osquery refuses the schedule abc: no JSON',
    'the configuration puts this host into no group',
    '1 row for zeek:9999 was dropped: full',
    'rows for zeek:9999 may be missing: nobody took them',
  ]);
});
