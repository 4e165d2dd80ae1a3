import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { CatchUp } from '../../../../src/cli/extension/ports/catch-up.ts';

const LINE = Buffer.from('line');

/** What happens, in order; takings end when they are told to. */
function watched() {
  const happened: string[] = [];
  const open: (() => void)[] = [];
  const catchUp = new CatchUp({
    async take(waiting, signal) {
      const what = waiting ? `take before ${waiting}` : 'take';
      happened.push(what);
      await new Promise<void>((resolve) => {
        open.push(resolve);
        signal.addEventListener('abort', () => resolve());
      });
      happened.push(`${signal.aborted ? 'cut off' : 'took'}`);
    },
    onCaughtUp: () => happened.push('caught up'),
  });
  const call = (text: string) =>
    catchUp.inOrder(Buffer.from(text), async () => {
      happened.push(`call ${text}`);
      return text;
    });
  return {
    catchUp,
    call,
    async done() {
      for (let scheduler = 0; scheduler < 5; scheduler += 1) await turn();
      open.shift()?.();
      for (let scheduler = 0; scheduler < 5; scheduler += 1) await turn();
      return happened.splice(0);
    },
  };
}

test('the first call after a registration waits until what was missed before it is taken, and no later one does', async (t) => {
  const { catchUp, call, done } = watched();
  t.after(() => catchUp.end());
  catchUp.begin();
  const calls = [call('1'), call('2')];
  assert.deepEqual(await done(), ['take', 'took', 'take before 1']);
  assert.deepEqual(await done(), ['took', 'caught up', 'call 1', 'call 2']);
  assert.deepEqual(await Promise.all(calls), ['1', '2']);
  await call('3');
  assert.deepEqual(await done(), ['call 3']);
});

test('a registration while another is still catching up begins when that, and its call, have ended', async (t) => {
  const { catchUp, call, done } = watched();
  t.after(() => catchUp.end());
  catchUp.begin();
  const before = call('1');
  catchUp.begin();
  const after = call('2');
  assert.deepEqual(await done(), ['take', 'took', 'take before 1']);
  assert.deepEqual(await done(), ['took', 'call 1', 'take']);
  assert.deepEqual(await done(), ['took', 'take before 2']);
  assert.deepEqual(await done(), ['took', 'caught up', 'call 2']);
  assert.deepEqual(await Promise.all([before, after]), ['1', '2']);
});

test('a call that is being taken when osqueryd comes to know us anew is taken before what it missed is looked for', async (t) => {
  const { catchUp, done } = watched();
  t.after(() => catchUp.end());
  catchUp.begin();
  await done();
  const slow = Promise.withResolvers<void>();
  const call = catchUp.inOrder(LINE, () => slow.promise);
  await done();
  catchUp.begin();
  assert.deepEqual(await done(), []);
  slow.resolve();
  await call;
  assert.deepEqual(await done(), ['take', 'took']);
});

test('where no call comes it is taken once more after five seconds, and where one has come it is not', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { catchUp, call, done } = watched();
  t.after(() => catchUp.end());
  catchUp.begin();
  await done();
  t.mock.timers.tick(4_999);
  assert.deepEqual(await done(), []);
  t.mock.timers.tick(1);
  assert.deepEqual(await done(), ['take', 'took', 'caught up']);
  catchUp.begin();
  await done();
  const called = call('1');
  await done();
  await called;
  t.mock.timers.tick(60_000);
  assert.deepEqual(await done(), []);
});

test('the end cuts a taking short, and what waits for it is not taken', async () => {
  const { catchUp, done } = watched();
  catchUp.begin();
  const call = catchUp.inOrder(LINE, async () => assert.fail('taken out of order'));
  const ended = catchUp.end();
  await assert.rejects(call, { message: 'the extension ends' });
  await ended;
  assert.deepEqual(await done(), []);
  catchUp.begin();
  assert.deepEqual(await done(), []);
});
