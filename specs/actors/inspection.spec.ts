import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assign, createActor, setup } from 'xstate';
import { frameOf, type StepFrame, standingFrames } from '../../actors/inspection.ts';

const child = setup({ types: { events: {} as { type: 'go'; secret: string } } }).createMachine({
  id: 'child-machine',
  context: { secret: '' },
  initial: 'here',
  states: {
    here: { on: { go: { target: 'there', actions: assign({ secret: 'kept' }) } } },
    there: {},
  },
});
const parent = setup({ actors: { child } }).createMachine({
  id: 'parent-machine',
  invoke: { src: 'child', id: 'a-child', systemId: 'a-child' },
});

test('frames name actor, machine, event, state and time, and carry neither context nor payload', () => {
  const frames: StepFrame[] = [];
  const actor = createActor(parent, {
    id: 'a-parent',
    inspect: (event) => {
      const frame = frameOf(event, 7);
      if (frame) frames.push(frame);
    },
  }).start();
  actor.system.get('a-child').send({ type: 'go', secret: 'not to be seen' });
  assert.deepEqual(frames.at(-1), {
    kind: 'step',
    at: 7,
    actor: 'a-child',
    machine: 'child-machine',
    event: 'go',
    state: 'there',
    status: 'active',
  });
  assert.ok(!JSON.stringify(frames).includes('not to be seen'));
  assert.deepEqual(
    standingFrames(actor, 8).map(({ actor: id, state, event }) => [id, state, event]),
    [
      ['a-parent', {}, 'xstate.init'],
      ['a-child', 'there', 'xstate.init'],
    ],
  );
});
