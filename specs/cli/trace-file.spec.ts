import assert from 'node:assert/strict';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createActor, createMachine } from 'xstate';
import { createBus } from '../../src/bus/bus.ts';
import { readTraceFile, recordTrace } from '../../src/cli/trace-file.ts';
import { temporaryDirectory } from '../support/event-logs.ts';

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

test('lines come out as they lie in the file, however long, and an unfinished one last', async (t) => {
  const path = join(await temporaryDirectory(t), 'trace');
  const lines = ['first\n', `${'ä'.repeat(100_000)}\n`, '\n', 'third\n', 'unfini'];
  await writeFile(path, lines.join(''));
  const found: string[] = [];
  for await (const line of readTraceFile(path)) found.push(line);
  assert.deepEqual(found, lines);
});

test('a recording that goes on behind a crash leaves no broken line between', async (t) => {
  const path = join(await temporaryDirectory(t), 'trace');
  const fail = (error: unknown) => assert.fail(String(error));
  const record = () => {
    const bus = createBus({ now: () => 0, onFailure: fail });
    recordTrace(path, bus, () => 0, '1', fail).close();
  };
  record();
  const head = await readFile(path, 'utf8');
  await appendFile(path, `{"kind":"step","long":"${'x'.repeat(200_000)}`);
  record();
  assert.equal(await readFile(path, 'utf8'), `${head}${head}`);
  await writeFile(path, 'nothing whole');
  record();
  assert.equal(await readFile(path, 'utf8'), head);
});
