import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMachine, not, setup } from 'xstate';
import { MACHINES } from '../../actors/machines.ts';
import { chartOf, statesOf } from '../../src/inspect/chart.ts';
import { layOut } from '../../src/inspect/chart-layout.ts';
import { mermaidOf } from '../../src/inspect/mermaid.ts';
import { svgOf } from '../../src/inspect/svg.ts';

const door = setup({
  guards: { isLocked: () => false },
  delays: { patience: 2_000 },
}).createMachine({
  id: 'door',
  description: 'A door <of> wood.',
  initial: 'shut',
  on: { look: { actions: [] }, burn: '.ashes' },
  states: {
    shut: { description: 'Nobody passes.', on: { push: { guard: not('isLocked'), target: 'open' } } },
    open: { after: { patience: 'shut' }, always: { guard: 'isLocked', target: 'shut' } },
    ashes: { type: 'final' },
  },
});

test('a chart holds states, guards, delays, what is dealt with inside, and what is taken from anywhere', () => {
  const { root, transitions } = chartOf(door);
  assert.deepEqual(root.internal, ['look']);
  assert.deepEqual(
    statesOf(root).map(({ id, kind, isInitial }) => [id, kind, isInitial]),
    [
      ['door', 'compound', false],
      ['door.shut', 'atomic', true],
      ['door.open', 'atomic', false],
      ['door.ashes', 'final', false],
    ],
  );
  assert.deepEqual(transitions, [
    { from: 'door', to: 'door.ashes', event: 'burn', label: 'burn' },
    { from: 'door.shut', to: 'door.open', event: 'push', label: 'push [not isLocked]' },
    {
      from: 'door.open',
      to: 'door.shut',
      event: 'xstate.after.patience.door.open',
      label: 'after patience (2 s)',
    },
    { from: 'door.open', to: 'door.shut', event: '', label: '[isLocked]' },
  ]);
});

test('Mermaid text draws what is taken from any state out of a box of its own', () => {
  assert.equal(
    mermaidOf(chartOf(door)),
    `stateDiagram-v2
  state "shut" as door_shut
  door_shut: shut – Nobody passes.
  [*] --> door_shut
  state "open" as door_open
  door_open: open
  state "ashes" as door_ashes
  door_ashes: ashes
  door_ashes --> [*]
  state "any of these" as door_any
  door_any --> door_ashes: burn
  door_shut --> door_open: push [not isLocked]
  door_open --> door_shut: after patience (2 s)
  door_open --> door_shut: [isLocked]
`,
  );
});

test('every machine is laid out whole, each state inside the one that holds it', async () => {
  for (const machine of MACHINES.values()) {
    const chart = chartOf(machine);
    const { nodes, edges, width, height } = await layOut(chart);
    const boxes = new Map(nodes.map((node) => [node.id, node]));
    const states = statesOf(chart.root);
    assert.deepEqual(
      states.filter(({ id }) => !boxes.has(id)),
      [],
    );
    for (const { id, x, y, width: wide, height: high } of nodes) {
      const holder = boxes.get(id.slice(0, id.lastIndexOf('.'))) ?? { x: 0, y: 0, width, height };
      assert.ok(x >= holder.x && y >= holder.y, `${id} begins in what holds it`);
      assert.ok(
        x + wide <= holder.x + holder.width && y + high <= holder.y + holder.height,
        `${id} ends there`,
      );
    }
    for (const { from, to, points } of edges) assert.ok(points.length >= 2, `${from} → ${to} is a line`);
  }
});

test('every guard of every machine has a name', () => {
  const nameless = [...MACHINES.values()]
    .map(chartOf)
    .flatMap(({ root, transitions }) => [
      ...transitions.map(({ from, label }) => `${from}: ${label}`),
      ...statesOf(root).flatMap(({ id, internal }) => internal.map((label) => `${id}: ${label}`)),
    ])
    .filter((label) => label.includes('a condition'));
  assert.deepEqual(nameless, []);
});

test('every state of every machine says what it is for', () => {
  const silent = [...MACHINES.values()]
    .flatMap((machine) => statesOf(chartOf(machine).root))
    .filter(
      ({ description, kind, states }) => description === '' && kind !== 'parallel' && states.length === 0,
    );
  assert.deepEqual(
    silent.map(({ id }) => id),
    [],
  );
});

test('no text of a machine becomes markup in its SVG', async () => {
  const evil = createMachine({ id: 'evil', description: '<script>"&', states: {} });
  const svg = svgOf(await layOut(chartOf(evil)));
  assert.ok(!svg.includes('<script'));
  assert.match(svg, /<title>evil: &lt;script&gt;&quot;&amp;<\/title>/);
});

test('the state in which another begins is drawn first, in every machine', async () => {
  const parentOf = (id: string) => id.slice(0, id.lastIndexOf('.'));
  for (const machine of MACHINES.values()) {
    const { nodes } = await layOut(chartOf(machine));
    for (const first of nodes.filter(({ isInitial }) => isInitial)) {
      const beside = nodes.filter(({ id, kind }) => kind !== 'any' && parentOf(id) === parentOf(first.id));
      const earlier = beside.filter(({ x }) => x < first.x - 1).map(({ id }) => id);
      assert.deepEqual(earlier, [], first.id);
    }
  }
});
