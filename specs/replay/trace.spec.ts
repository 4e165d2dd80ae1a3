import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createActor, SimulatedClock } from 'xstate';
import type { ConnectionCommand, ConnectionEvent } from '../../actors/bro-link.ts';
import { broPeerMachine } from '../../actors/bro-peer.machine.ts';
import { osqueryCoreMachine } from '../../actors/osquery-core.machine.ts';
import { parseTraceLine, printTraceLine, TraceError } from '../../src/replay/trace.ts';
import { formatCutOff } from '../../src/replay/trace-reader.ts';
import { createTraceRecorder } from '../../src/replay/trace-recorder.ts';
import { formatReplay, replayTrace } from '../../src/replay/trace-replay.ts';
import type { Host } from '../../src/vocabulary/model.ts';
import { busProbe, callbackProbe, promiseProbe, settle, stamped } from '../support/machine-ports.ts';
import { sampleHost } from '../support/sample-host.ts';

function recorder() {
  const lines: string[] = [];
  let now = 1_795_514_240_000;
  const trace = createTraceRecorder({
    write: (line) => lines.push(line),
    now: () => {
      now += 1;
      return now;
    },
    version: '1.0.0',
  });
  return { lines, trace };
}

/** A Bro that is reached, asks, falls silent, is lost, and is reached again. */
function recordPeer(): string[] {
  const { lines, trace } = recorder();
  const bus = busProbe();
  const clock = new SimulatedClock();
  const connection = callbackProbe<ConnectionCommand, { peer: string; host: Host }, ConnectionEvent>();
  const actor = createActor(
    broPeerMachine.provide({
      actions: { publish: bus.publish },
      actors: { inbox: bus.inbox, connection: connection.logic },
    }),
    {
      id: 'peer:zeek:9999',
      clock,
      inspect: trace.inspect,
      input: {
        peer: 'zeek:9999',
        host: sampleHost(),
        timing: { backOffBase: 1_000, backOffMax: 60_000, refusedPause: 60_000, healthyAfter: 60_000 },
        patience: { resyncWindow: 30_000, expiry: 3_600_000 },
      },
    },
  );
  actor.start();
  const up = {
    type: 'connection.up',
    incarnation: 'i1',
    transport: 'tcp',
    authenticated: false,
    helloInterval: null,
  } as const;
  connection.send({ type: 'connection.phase', phase: 'handshaking' });
  connection.send(up);
  const request = { type: 'join', vocabulary: 'zeek-osquery', group: 'g' } as const;
  connection.send({ type: 'connection.request', request, audience: { to: 'host' } });
  clock.increment(30_000);
  connection.send({ type: 'connection.suspect', suspect: true });
  connection.send({
    type: 'connection.closed',
    code: 'unresponsive',
    reason: 'silence',
    refused: false,
    upFor: 45_000,
    chance: 0.25,
  });
  clock.increment(1_000);
  connection.send(up);
  actor.send({ type: 'peer.drain' });
  connection.send({
    type: 'connection.closed',
    code: 'left',
    reason: '',
    refused: false,
    upFor: 5,
    chance: 0,
  });
  trace.onMessage(stamped({ type: 'peer.resynced', peer: 'zeek:9999' }, 1));
  return lines;
}

async function* each(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines;
}

/** The trace with one step told otherwise. */
function tampered(
  lines: readonly string[],
  type: string,
  change: (step: Record<string, unknown>) => void,
): string[] {
  return lines.map((text) => {
    const line = JSON.parse(text);
    if (line.kind === 'step' && line.event.type === type) change(line);
    return JSON.stringify(line);
  });
}

test('a recorded life replays to the same states', async () => {
  const lines = recordPeer();
  const result = await replayTrace(each(lines));
  assert.deepEqual(result, {
    steps: 11,
    messages: 1,
    actors: 1,
    conversationSteps: 0,
    deviation: null,
    cutOff: null,
  });
  assert.deepEqual(formatReplay(result), [
    '11 steps of 1 machines, 1 messages: every machine reached the states of the trace.',
  ]);
});

test('a promise that failed replays with its message', async () => {
  const { lines, trace } = recorder();
  const bus = busProbe();
  const attach = promiseProbe<{ readonly version: string }, undefined>();
  const actor = createActor(
    osqueryCoreMachine.provide({
      actions: { publish: bus.publish },
      actors: { inbox: bus.inbox, attach: attach.logic },
    }),
    {
      id: 'osquery-core',
      inspect: trace.inspect,
      clock: new SimulatedClock(),
      input: { timing: { patience: 1, retryPause: 1, debounce: 1, refusedPause: 1 }, givesUp: true },
    },
  );
  actor.start();
  attach.last.reject(new Error('there is no socket'));
  await settle();
  actor.stop();
  assert.ok(lines.some((line) => line.includes('there is no socket')));
  assert.equal((await replayTrace(each(lines))).deviation, null);
});

test('the replay stops where a machine comes to another state, and says what differs', async () => {
  const lines = tampered(recordPeer(), 'connection.closed', (step) => {
    step['changed'] = { ...(step['changed'] as object), retryIn: 9_999 };
  });
  const { deviation } = await replayTrace(each(lines));
  assert.deepEqual(deviation?.differences, [{ what: 'context.retryIn', traced: 9_999, now: 625 }]);
  assert.equal(deviation?.step.event.type, 'connection.closed');
  const [first] = formatReplay({
    steps: 1,
    messages: 0,
    actors: 1,
    conversationSteps: 0,
    deviation: deviation ?? null,
  });
  assert.match(first ?? '', /^Line 8: peer:zeek:9999 \(bro-peer\) reached another state at 2026-11-24T/);
});

test('a state that a machine never was in is found', async () => {
  const lines = tampered(recordPeer(), 'connection.up', (step) => {
    step['state'] = 'nowhere';
  });
  const { deviation } = await replayTrace(each(lines));
  assert.deepEqual(
    deviation?.differences.map(({ what, traced }) => [what, traced]),
    [['state', 'nowhere']],
  );
});

test('what is no trace is refused with the line', async () => {
  const cases: readonly [string, RegExp][] = [
    ['{', /^line 1 is not valid JSON/],
    ['{"kind":"other"}', /^line 1 does not belong to a trace$/],
    ['null', /^line 1 does not belong to a trace$/],
    ['{"kind":"head","format":99}', /format 99; this program reads up to 1$/],
    [
      '{"kind":"step","actor":"a","machine":"no-such","event":{"type":"xstate.init"},"changed":{}}',
      /^line 1 names an unknown machine no-such$/,
    ],
    [
      '{"kind":"step","actor":"a","machine":"bro-peer","event":{"type":"x"},"changed":{}}',
      /^line 1 continues a whose start is missing$/,
    ],
  ];
  for (const [line, expected] of cases) {
    await assert.rejects(replayTrace(each([line])), (error) => {
      assert.ok(error instanceof TraceError);
      assert.match(error.message, expected);
      return true;
    });
  }
});

test('of a trace that is cut off in its last line the result is what there is up to there', async () => {
  const lines = recordPeer().map((line) => `${line}\n`);
  const last = lines.at(-1) ?? '';
  const whole = lines.slice(0, -1);
  const result = await replayTrace(each([...whole, last.slice(0, 20)]));
  const cutOff = { line: lines.length, characters: 20 };
  assert.deepEqual(result, {
    steps: 11,
    messages: 0,
    actors: 1,
    conversationSteps: 0,
    deviation: null,
    cutOff,
  });
  assert.equal(
    formatCutOff(cutOff),
    'The trace is truncated in line 13, after 20 characters, as after a crash or during a write: this is everything up to there.',
  );
  const refused = { name: 'TraceError', code: 'no-json' };
  // Damaged, and not unfinished: its line feed is there, or other lines are.
  await assert.rejects(replayTrace(each([...whole, `${last.slice(0, 20)}\n`])), refused);
  await assert.rejects(replayTrace(each([...whole, last.slice(0, 20), last])), refused);
});

test('errors survive a trace, whatever else a value holds', () => {
  const line = printTraceLine({
    kind: 'step',
    at: 1,
    actor: 'a',
    machine: 'm',
    event: { type: 'xstate.error.actor.x', error: new TypeError('no') },
    state: 's',
    status: 'active',
    changed: {},
  });
  const parsed = parseTraceLine(line, 1);
  assert.ok(parsed.kind === 'step' && parsed.event['error'] instanceof Error);
  assert.equal(parsed.event['error'].message, 'no');
});
