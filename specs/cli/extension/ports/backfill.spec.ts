import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { pino } from 'pino';
import { createActor, SimulatedClock } from 'xstate';
import { backfillMachine, type Reading } from '../../../../actors/backfill.machine.ts';
import { BackfillPorts, type BackfillStores } from '../../../../src/cli/extension/ports/backfill.ts';
import { Deliverables } from '../../../../src/delivery/deliverables.ts';
import { readHeartbeat, removeHeartbeat, writeHeartbeat } from '../../../../src/delivery/heartbeat-store.ts';
import { subscriptions } from '../../../../src/schedule/schedule.ts';
import { after } from '../../../support/given.ts';
import { busProbe } from '../../../support/machine-ports.ts';
import { manualClock } from '../../../support/manual-clock.ts';
import { connect, second, start, subscribe } from '../../../support/schedule-builders.ts';

/** A Bro `a` that has subscribed, one `b` that has not, and one `c` that is configured no more. */
const SCHEDULE = after([
  start(0),
  ...['a', 'b', 'c'].map((peer) => connect(1, peer, 'i')),
  ...['a', 'c'].map((peer) => subscribe(2, peer, 'i')),
]);

/** A state directory, and processes that use it, one after the other, at seconds of a made-up day. */
function host(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'bro-backfill-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  let now = second(0);
  /** What happens, in order. */
  const happened: string[] = [];
  const declared: string[] = [];

  /** The machine with its real ports; what osqueryd's logs have is in the spec's hand. */
  function startProcess() {
    const opening = Promise.withResolvers<BackfillStores>();
    const readings: { finish(reading: Reading): void }[] = [];
    const clock = manualClock();
    const deliverables = new Deliverables(() => false);
    deliverables.take({ added: subscriptions(SCHEDULE), removed: [] });
    const ports = new BackfillPorts(
      {
        runtime: { now: () => now, random: () => 0, uuid: () => 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa' },
        log: pino({ level: 'silent' }),
      },
      { clock, stores: opening.promise, deliverables, isConfigured: (peer) => peer !== 'c' },
    );
    const stores: BackfillStores = {
      directory,
      courier: {
        async declareUnseen(peer, { from, to }, reason) {
          declared.push(`${peer}: ${(from - second(0)) / 1000} to ${(to - second(0)) / 1000}, ${reason}`);
        },
      },
      missed: {
        async take(waiting, signal) {
          happened.push(waiting ? `read until ${waiting}` : 'read');
          const { promise, resolve } = Promise.withResolvers<Reading>();
          readings.push({ finish: resolve });
          signal.addEventListener('abort', () => resolve({ rows: 0, doubt: 'cut short' }));
          const reading = await promise;
          happened.push(signal.aborted ? 'cut off' : 'done');
          return reading;
        },
      },
    };
    const bus = busProbe();
    const timers = new SimulatedClock();
    const { writeHeartbeat: write, ...actors } = ports.ports;
    const actor = createActor(
      backfillMachine.provide({ actions: { publish: bus.publish, writeHeartbeat: write }, actors }),
      { clock: timers },
    );
    actor.start();
    t.after(() => actor.stop());

    const settle = async () => {
      for (let turns = 0; turns < 10; turns += 1) await turn();
      // The heartbeat is in a file.
      await ports.written();
    };
    const read = async (reading: Partial<Reading> = {}) => {
      readings.shift()?.finish({ rows: 0, doubt: '', ...reading });
      await settle();
    };
    return {
      ports,
      bus,
      timers,
      settle,
      read,
      recovery: () => {
        const { value } = actor.getSnapshot();
        return typeof value === 'object' && 'active' in value ? value.active : value;
      },
      async open() {
        opening.resolve(stores);
        actor.send({ type: 'state.opened', at: now, heartbeat: (await readHeartbeat(directory)) ?? null });
        await settle();
      },
      /** osqueryd registers us and is seen to know us; its logs are read, for certain or not. */
      async back(doubt = 'its log is gone') {
        ports.registering();
        await settle();
        await read({ doubt });
        ports.seen();
        timers.increment(5_000);
        await settle();
        await read();
      },
      /** The process stands still, and finds out. */
      stall() {
        clock.holdUp(25_000);
        clock.advance(1_000);
      },
      call: (text: string) =>
        ports.inOrder(Buffer.from(text), async () => {
          happened.push(`call ${text}`);
          return text;
        }),
      async end(inOrder: boolean) {
        actor.send({ type: 'backfill.end', inOrder });
        await settle();
        assert.equal(actor.getSnapshot().status, 'done');
      },
    };
  }
  return {
    directory,
    startProcess,
    declared: () => declared.splice(0),
    happened: () => happened.splice(0),
    at(seconds: number) {
      now = second(seconds);
    },
  };
}

describe('The heartbeat', () => {
  test('is there from the first look to an orderly end', async (t) => {
    const { directory, startProcess, at, declared } = host(t);
    const process = startProcess();
    await process.open();
    assert.equal(await readHeartbeat(directory), undefined);
    at(10);
    process.ports.seen();
    await process.settle();
    assert.equal(await readHeartbeat(directory), second(10));
    assert.equal(statSync(join(directory, 'alive')).mode & 0o777, 0o600);
    at(13);
    process.ports.seen();
    await process.settle();
    assert.equal(await readHeartbeat(directory), second(13));
    await process.end(true);
    assert.equal(await readHeartbeat(directory), undefined);
    assert.deepEqual(declared(), []);
  });

  test('stays after an end at which osquery has not dropped our queries, or that finds us forgotten', async (t) => {
    const { directory, startProcess, declared } = host(t);
    const first = startProcess();
    await first.open();
    first.ports.seen();
    await first.end(false);
    assert.equal(await readHeartbeat(directory), second(0));
    await removeHeartbeat(directory);
    const next = startProcess();
    await next.open();
    next.ports.seen();
    await next.settle();
    next.ports.forgotten();
    await next.end(true);
    assert.equal(await readHeartbeat(directory), second(0));
    assert.deepEqual(declared(), []);
  });

  test('that cannot be written keeps nobody from working', async (t) => {
    const { directory, startProcess, declared } = host(t);
    const process = startProcess();
    await process.open();
    rmSync(directory, { recursive: true });
    process.ports.seen();
    process.ports.seen();
    await process.settle();
    await process.end(true);
    assert.deepEqual(declared(), []);
  });
});

describe('A time in which osqueryd could not tell us what it found', () => {
  test('before a start: Zeeks that have subscribed are told, once what osqueryd has logged is taken', async (t) => {
    const { directory, startProcess, at, declared } = host(t);
    await writeHeartbeat(directory, second(10));
    at(20);
    const process = startProcess();
    await process.open();
    assert.deepEqual(declared(), []);
    at(25);
    process.ports.registering();
    process.ports.seen();
    await process.settle();
    at(28);
    process.ports.seen();
    await process.settle();
    assert.deepEqual(declared(), []);
    assert.equal(await readHeartbeat(directory), second(10));
    await process.read({ doubt: 'its log is gone' });
    process.timers.increment(5_000);
    await process.settle();
    await process.read({ rows: 3 });
    assert.deepEqual(declared(), ['a: 10 to 25, its log is gone']);
    assert.deepEqual(process.bus.take(), [
      {
        type: 'backfill.completed',
        rows: 3,
        loss: { from: second(10), to: second(25), reason: 'its log is gone' },
      },
    ]);
    assert.equal(await readHeartbeat(directory), second(28));
    await process.end(true);
    const next = startProcess();
    await next.open();
    await next.back();
    assert.deepEqual(declared(), []);
  });

  test('is no loss where all could be taken', async (t) => {
    const { directory, startProcess, at, declared } = host(t);
    await writeHeartbeat(directory, second(10));
    at(25);
    const process = startProcess();
    await process.open();
    await process.back('');
    assert.deepEqual(declared(), []);
    assert.equal(await readHeartbeat(directory), second(25));
  });

  test('is told of where osquery knew us before the state directory was open', async (t) => {
    const { directory, startProcess, at, declared } = host(t);
    await writeHeartbeat(directory, second(10));
    at(25);
    const process = startProcess();
    process.ports.registering();
    process.ports.seen();
    await process.settle();
    await process.open();
    await process.read({ doubt: 'its log is gone' });
    process.timers.increment(5_000);
    await process.settle();
    await process.read();
    assert.deepEqual(declared(), ['a: 10 to 25, its log is gone']);
  });

  test('is left to the next process by one to which osquery never came', async (t) => {
    const { directory, startProcess, at, declared } = host(t);
    await writeHeartbeat(directory, second(10));
    const first = startProcess();
    await first.open();
    await first.end(true);
    assert.equal(await readHeartbeat(directory), second(10));
    at(40);
    const later = startProcess();
    await later.open();
    await later.back();
    assert.deepEqual(declared(), ['a: 10 to 40, its log is gone']);
  });

  test('begins at the last look where osqueryd lives and has forgotten us; one that was gone found nothing', async (t) => {
    const { directory, startProcess, at, declared } = host(t);
    const { ports, open, back, settle } = startProcess();
    await open();
    at(10);
    await back();
    at(12);
    ports.gone();
    at(14);
    await back();
    assert.deepEqual(declared(), []);
    at(16);
    ports.forgotten();
    await settle();
    assert.equal(await readHeartbeat(directory), second(14));
    at(18);
    await back();
    assert.deepEqual(declared(), ['a: 14 to 18, its log is gone']);
    assert.equal(await readHeartbeat(directory), second(18));
  });

  test('may begin before the state directory is open', async (t) => {
    const { startProcess, at, declared } = host(t);
    const { ports, open, back } = startProcess();
    at(10);
    ports.seen();
    at(12);
    ports.forgotten();
    await open();
    at(14);
    await back();
    assert.deepEqual(declared(), ['a: 10 to 14, its log is gone']);
  });

  test('begins with the first time where osqueryd no longer lists the extension twice before all was taken', async (t) => {
    const { startProcess, at, declared } = host(t);
    const { ports, open, back, read, settle, timers } = startProcess();
    await open();
    at(10);
    await back('');
    at(16);
    ports.forgotten();
    at(18);
    ports.registering();
    ports.seen();
    await settle();
    at(20);
    ports.forgotten();
    at(22);
    ports.registering();
    await settle();
    // Of the registration that is over no call came; then it is the next one's turn.
    await read();
    await read({ doubt: 'its log is gone' });
    ports.seen();
    timers.increment(5_000);
    await settle();
    await read();
    assert.deepEqual(declared(), ['a: 10 to 22, its log is gone']);
  });

  test('is not told of before osquery is seen to know us again', async (t) => {
    const { directory, startProcess, at, declared } = host(t);
    await writeHeartbeat(directory, second(10));
    const { ports, open, read, settle, timers, recovery } = startProcess();
    await open();
    at(20);
    ports.registering();
    await settle();
    await read({ doubt: 'its log is gone' });
    timers.increment(5_000);
    await settle();
    await read();
    assert.deepEqual(recovery(), { recovery: 'recovered', registration: 'unregistered' });
    assert.deepEqual(declared(), []);
    at(25);
    ports.seen();
    await settle();
    assert.deepEqual(declared(), ['a: 10 to 25, its log is gone']);
  });

  test('while osquery knew us and this process stood still is told of, too, where what it found may be lost', async (t) => {
    const { startProcess, at, declared } = host(t);
    const { ports, open, back, stall, settle, read, timers } = startProcess();
    await open();
    stall();
    await settle();
    await read();
    at(10);
    await back();
    assert.deepEqual(declared(), []);
    at(13);
    ports.seen();
    for (const doubt of ['its log is gone', '']) {
      at(40);
      stall();
      ports.seen();
      await settle();
      await read({ doubt });
      timers.increment(5_000);
      await settle();
      await read();
      assert.deepEqual(declared(), doubt === '' ? [] : ['a: 13 to 40, its log is gone']);
    }
  });

  test('never ends before it begins, though the clock was set back', async (t) => {
    const { directory, startProcess, at, declared } = host(t);
    await writeHeartbeat(directory, second(100));
    at(50);
    const process = startProcess();
    await process.open();
    await process.back();
    assert.deepEqual(declared(), ['a: 50 to 50, its log is gone']);
  });
});

describe('A log call', () => {
  test('that is the first after a registration waits until what was missed before it is taken, and no later one does', async (t) => {
    const { startProcess, happened } = host(t);
    const { ports, open, call, read, settle } = startProcess();
    await open();
    ports.registering();
    ports.seen();
    const calls = [call('1'), call('2')];
    await settle();
    assert.deepEqual(happened(), ['read']);
    await read();
    assert.deepEqual(happened(), ['done', 'read until 1']);
    await read();
    assert.deepEqual(happened(), ['done', 'call 1', 'call 2']);
    assert.deepEqual(await Promise.all(calls), ['1', '2']);
    await call('3');
    assert.deepEqual(happened(), ['call 3']);
  });

  test('of a registration that came while another was recovered waits for that one, and its call', async (t) => {
    const { startProcess, happened } = host(t);
    const { ports, open, call, read, settle } = startProcess();
    await open();
    ports.registering();
    const before = call('1');
    ports.registering();
    const later = call('2');
    await settle();
    assert.deepEqual(happened(), ['read']);
    await read();
    assert.deepEqual(happened(), ['done', 'read until 1']);
    await read();
    assert.deepEqual(happened(), ['done', 'call 1', 'read']);
    await read();
    assert.deepEqual(happened(), ['done', 'read until 2']);
    await read();
    assert.deepEqual(happened(), ['done', 'call 2']);
    assert.deepEqual(await Promise.all([before, later]), ['1', '2']);
  });

  test('that is being taken when osqueryd registers us anew is taken before what it missed is looked for', async (t) => {
    const { startProcess, happened } = host(t);
    const { ports, open, settle, read } = startProcess();
    await open();
    const slow = Promise.withResolvers<void>();
    const call = ports.inOrder(Buffer.from('line'), () => slow.promise);
    ports.registering();
    await settle();
    assert.deepEqual(happened(), []);
    slow.resolve();
    await call;
    await settle();
    assert.deepEqual(happened(), ['read']);
    await read();
    assert.deepEqual(happened(), ['done']);
  });

  test('that does not come is waited for five seconds, and where one has come no more', async (t) => {
    const { startProcess, happened } = host(t);
    const { ports, open, call, read, settle, timers, recovery } = startProcess();
    await open();
    ports.registering();
    ports.seen();
    await settle();
    await read();
    happened();
    timers.increment(4_999);
    await settle();
    assert.deepEqual(happened(), []);
    timers.increment(1);
    await settle();
    await read();
    assert.deepEqual(happened(), ['read', 'done']);
    assert.deepEqual(recovery(), { recovery: 'current', registration: 'registered' });
    ports.registering();
    await settle();
    await read();
    const called = call('1');
    await settle();
    await read();
    await called;
    assert.deepEqual(happened(), ['read', 'done', 'read until 1', 'done', 'call 1']);
    timers.increment(60_000);
    await settle();
    assert.deepEqual(happened(), []);
  });

  test('that waits at the end is refused, and the reading cut short', async (t) => {
    const { startProcess, happened } = host(t);
    const { ports, open, call, settle, end } = startProcess();
    await open();
    ports.registering();
    await settle();
    const waiting = call('1');
    const refused = assert.rejects(waiting, { message: 'the extension ends' });
    await end(true);
    await refused;
    assert.deepEqual(happened(), ['read', 'cut off']);
    ports.registering();
    await settle();
    assert.deepEqual(happened(), []);
  });
});
