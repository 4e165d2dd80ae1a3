import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createActor, createMachine } from 'xstate';
import { createBus } from '../../src/bus/bus.ts';
import { recordTrace } from '../../src/cli/trace-file.ts';

test('a trace that cannot be written on ends, says so once, and leaves alone whom it records', () => {
  const failures: unknown[] = [];
  const problems: string[] = [];
  const bus = createBus({ now: () => 0, onFailure: (error) => failures.push(error) });
  // Linux's device that is a full disk.
  const trace = recordTrace(
    '/dev/full',
    bus,
    () => 0,
    '1',
    (error) => problems.push((error as NodeJS.ErrnoException).code ?? ''),
  );
  const machine = createMachine({ initial: 'one', states: { one: { on: { go: 'two' } }, two: {} } });
  const actor = createActor(machine, { inspect: trace.inspect }).start();
  actor.send({ type: 'go' });
  bus.publish({ type: 'osquery.shutdown' });
  trace.close();
  assert.equal(actor.getSnapshot().value, 'two');
  assert.deepEqual(problems, ['ENOSPC']);
  assert.deepEqual(failures, []);
});
