import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assign, createActor, fromPromise, type InspectionEvent, setup } from 'xstate';
import { boundedJson } from '../../src/inspect/bounded-json.ts';
import { contextChanges } from '../../src/inspect/context-changes.ts';
import type { StepEntry } from '../../src/inspect/entries.ts';
import { Recording } from '../../src/inspect/recording.ts';
import { SeenSteps } from '../../src/inspect/seen-steps.ts';
import { recordTraceLines } from '../../src/inspect/trace-recording.ts';
import { createTraceRecorder } from '../../src/replay/trace-recorder.ts';

const LINK = setup({
  types: {
    context: {} as {
      readonly bros: Readonly<Record<string, { up: boolean; tries: number }>>;
      readonly last: string;
    },
    events: {} as { type: 'up'; peer: string; password: string } | { type: 'down' },
  },
  actors: { connection: fromPromise(() => new Promise<void>(() => {})) },
  guards: { isAccepted: ({ event }) => event.type === 'up' && event.peer === 'a', isOther: () => true },
  actions: {
    noteUp: assign(({ context }) => ({ bros: { ...context.bros, a: { up: true, tries: 1 } }, last: 'a' })),
    announce: () => {},
  },
}).createMachine({
  id: 'link',
  context: { bros: { a: { up: false, tries: 1 }, b: { up: false, tries: 2 } }, last: '' },
  initial: 'connecting',
  states: {
    connecting: {
      invoke: { src: 'connection', id: 'connection' },
      on: {
        up: [
          { guard: 'isAccepted', target: 'peered', actions: 'noteUp' },
          { guard: 'isOther', target: 'refused' },
        ],
      },
    },
    peered: { entry: 'announce', on: { down: 'connecting' } },
    refused: {},
  },
});

/** Steps of a link that comes up and goes down again, as an inspection sees them and as a trace tells of them. */
async function steps(): Promise<{
  readonly seen: readonly StepEntry[];
  readonly traced: readonly StepEntry[];
}> {
  const observed = new SeenSteps(() => 7);
  const seen: StepEntry[] = [];
  const lines: string[] = [];
  const recorder = createTraceRecorder({
    write: (line) => lines.push(line),
    now: () => 7,
    version: '1',
  });
  const inspect = (event: InspectionEvent) => {
    recorder.inspect(event);
    const step = observed.take(event);
    if (step) seen.push(step);
  };
  const actor = createActor(LINK, { id: 'link', inspect }).start();
  actor.send({ type: 'up', peer: 'a', password: 'not to be seen' });
  actor.send({ type: 'down' });
  const recording = new Recording(null);
  await recordTraceLines(
    (async function* () {
      for (const line of lines) yield `${line}\n`;
    })(),
    recording,
  );
  const traced = recording.since(0, { entries: 9, weight: 100_000 });
  return { seen, traced: traced.filter((entry) => entry.kind === 'step') };
}

test('a step tells its event whole, the guard that held, the actions that ran, and each part of the context that changed', async () => {
  const { seen } = await steps();
  const [first, up, down] = seen;
  assert.deepEqual(
    [first?.changed?.map(({ path }) => path), first?.effects?.actions],
    [['bros', 'last'], ['start connection']],
  );
  assert.deepEqual(up, {
    ...{
      kind: 'step',
      at: 7,
      actor: 'link',
      machine: 'link',
      event: 'up',
      state: 'peered',
      status: 'active',
    },
    payload: '{"peer":"a","password":"(hidden)"}',
    changed: [
      { path: 'bros.a.up', before: 'false', after: 'true' },
      { path: 'last', before: '""', after: '"a"' },
    ],
    effects: {
      taken: [{ from: 'link.connecting', to: ['link.peered'], label: 'up [isAccepted] / noteUp' }],
      actions: ['stop connection', 'announce'],
    },
  });
  assert.deepEqual([down?.payload, down?.changed], ['', []]);
});

test('a trace tells of steps what an inspection tells', async () => {
  const { seen, traced } = await steps();
  assert.equal(traced.length, 3);
  assert.deepEqual(traced, seen);
});

test('large values cost no more than what is shown of them', () => {
  const large = Object.fromEntries(Array.from({ length: 200_000 }, (_, n) => [`member${n}`, { n }]));
  const text = boundedJson({ large }, 100);
  assert.equal(text.length, 101);
  let looks = 0;
  const watched = new Proxy(large, {
    get(target, name: string) {
      looks += 1;
      return target[name];
    },
  });
  boundedJson(watched, 100);
  assert.ok(looks < 20, `${looks} members were looked at`);
  const changes = contextChanges(
    { large },
    { large: { ...large, member7: { n: 8 }, more: 'x'.repeat(1_000) } },
  );
  assert.deepEqual(changes[0], { path: 'large.member7.n', before: '7', after: '8' });
  assert.deepEqual([changes[1]?.path, changes[1]?.before, changes[1]?.after.length], ['large.more', '', 161]);
  assert.equal(boundedJson('\u001b[31m', 100), '"\\\\x1b[31m"');
  assert.equal(
    boundedJson({ rows: [{ pid: '1' }], count: { rows: 3 } }, 100),
    '{"rows":"(hidden)","count":{"rows":3}}',
  );
});
