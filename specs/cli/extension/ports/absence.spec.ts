import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { createBus } from '../../../../src/bus/bus.ts';
import { createExtensionContext } from '../../../../src/cli/extension/extension-context.ts';
import { Absence } from '../../../../src/cli/extension/ports/absence.ts';
import { readHeartbeat, removeHeartbeat, writeHeartbeat } from '../../../../src/delivery/heartbeat-store.ts';
import type { TimeSpan } from '../../../../src/vocabulary/model.ts';
import { after } from '../../../support/given.ts';
import { connect, second, start, subscribe } from '../../../support/schedule-builders.ts';

/** A Bro `a` that has subscribed, one `b` that has not, and one `c` that is configured no more. */
const SCHEDULE = after([
  start(0),
  ...['a', 'b', 'c'].map((peer) => connect(1, peer, 'i')),
  ...['a', 'c'].map((peer) => subscribe(2, peer, 'i')),
]);

/** A state directory, and lives in it, one after the other, at seconds of a made-up day. */
function lives(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'bro-life-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  let now = second(0);
  const told: string[] = [];
  function live() {
    const bus = createBus({ now: () => now, onFailure: (error) => assert.fail(String(error)) });
    const context = createExtensionContext({
      runtime: { now: () => now, random: () => 0, uuid: () => 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa' },
      log: pino({ level: 'silent' }),
      bus,
      version: '0.1.0',
    });
    const absence = new Absence(context);
    const courier = {
      async declareUnseen(peer: string, { from, to }: TimeSpan, reason: string) {
        told.push(`${peer}: ${(from - second(0)) / 1000} to ${(to - second(0)) / 1000}, ${reason}`);
      },
    };
    const open = () =>
      absence.open({ directory, courier, schedule: () => SCHEDULE, isConfigured: (peer) => peer !== 'c' });
    /** osquery knows us again, and what it has written down is taken, for certain or not. */
    const back = (doubt = 'its log is gone') => {
      absence.catchingUp();
      absence.took(doubt);
      absence.seen();
      absence.took('');
      absence.caughtUp();
    };
    return { absence, open, back };
  }
  return {
    directory,
    live,
    told: () => told.splice(0),
    at(seconds: number) {
      now = second(seconds);
    },
  };
}

test('a sign of life is there from the first look to an orderly end', async (t) => {
  const { directory, live, at, told } = lives(t);
  const life = live();
  await life.open();
  assert.equal(await readHeartbeat(directory), undefined);
  at(10);
  life.absence.seen();
  await life.absence.settled();
  assert.equal(await readHeartbeat(directory), second(10));
  assert.equal(statSync(join(directory, 'alive')).mode & 0o777, 0o600);
  at(13);
  life.absence.seen();
  await life.absence.settled();
  assert.equal(await readHeartbeat(directory), second(13));
  await life.absence.end(true);
  assert.equal(await readHeartbeat(directory), undefined);
  assert.deepEqual(told(), []);
});

test('after an end without order Bros that have subscribed are told, once what osquery has written down is taken', async (t) => {
  const { directory, live, at, told } = lives(t);
  await writeHeartbeat(directory, second(10));
  at(20);
  const life = live();
  await life.open();
  await life.absence.settled();
  assert.deepEqual(told(), []);
  at(25);
  life.absence.catchingUp();
  life.absence.seen();
  at(28);
  life.absence.seen();
  await life.absence.settled();
  assert.deepEqual(told(), []);
  assert.equal(await readHeartbeat(directory), second(10));
  life.absence.took('its log is gone');
  life.absence.caughtUp();
  life.absence.caughtUp();
  await life.absence.settled();
  assert.deepEqual(told(), ['a: 10 to 25, its log is gone']);
  assert.equal(await readHeartbeat(directory), second(28));
  await life.absence.end(true);
  const next = live();
  await next.open();
  next.back();
  await next.absence.settled();
  assert.deepEqual(told(), []);
});

test('where all could be taken there is nothing to tell', async (t) => {
  const { directory, live, at, told } = lives(t);
  await writeHeartbeat(directory, second(10));
  at(25);
  const life = live();
  await life.open();
  life.back('');
  await life.absence.settled();
  assert.deepEqual(told(), []);
  assert.equal(await readHeartbeat(directory), second(25));
});

test('osquery may know us before the state directory is open', async (t) => {
  const { directory, live, at, told } = lives(t);
  await writeHeartbeat(directory, second(10));
  at(25);
  const life = live();
  life.absence.seen();
  await life.open();
  life.back();
  await life.absence.settled();
  assert.deepEqual(told(), ['a: 10 to 25, its log is gone']);
});

test('a life in which osquery never came leaves to the next one what is to be told', async (t) => {
  const { directory, live, at, told } = lives(t);
  await writeHeartbeat(directory, second(10));
  const first = live();
  await first.open();
  await first.absence.end(true);
  assert.equal(await readHeartbeat(directory), second(10));
  at(40);
  const later = live();
  await later.open();
  later.back();
  await later.absence.settled();
  assert.deepEqual(told(), ['a: 10 to 40, its log is gone']);
});

test('an osqueryd that lives and has forgotten us found things from our last look on; one that was gone found none', async (t) => {
  const { directory, live, at, told } = lives(t);
  const life = live();
  await life.open();
  at(10);
  life.back();
  at(12);
  life.absence.gone();
  at(14);
  life.back();
  await life.absence.settled();
  assert.deepEqual(told(), []);
  at(16);
  life.absence.forgotten();
  await life.absence.settled();
  assert.equal(await readHeartbeat(directory), second(14));
  at(18);
  life.back();
  await life.absence.settled();
  assert.deepEqual(told(), ['a: 14 to 18, its log is gone']);
  assert.equal(await readHeartbeat(directory), second(18));
});

test('osquery may have forgotten us before the state directory is open', async (t) => {
  const { live, at, told } = lives(t);
  const life = live();
  at(10);
  life.absence.seen();
  at(12);
  life.absence.forgotten();
  await life.open();
  at(14);
  life.back();
  await life.absence.settled();
  assert.deepEqual(told(), ['a: 10 to 14, its log is gone']);
});

test('an osqueryd that has forgotten us twice before all was taken found things from the first time on', async (t) => {
  const { live, at, told } = lives(t);
  const life = live();
  await life.open();
  at(10);
  life.back('');
  at(16);
  life.absence.forgotten();
  at(18);
  life.absence.catchingUp();
  life.absence.seen();
  at(20);
  life.absence.forgotten();
  at(22);
  life.back();
  await life.absence.settled();
  assert.deepEqual(told(), ['a: 10 to 22, its log is gone']);
});

test('what is taken before osquery knows us again says nothing yet', async (t) => {
  const { directory, live, at, told } = lives(t);
  await writeHeartbeat(directory, second(10));
  const life = live();
  await life.open();
  at(20);
  life.absence.catchingUp();
  life.absence.took('its log is gone');
  life.absence.caughtUp();
  await life.absence.settled();
  assert.deepEqual(told(), []);
  at(25);
  life.absence.seen();
  await life.absence.settled();
  assert.deepEqual(told(), ['a: 10 to 25, its log is gone']);
});

test('of a time in which osquery knew us and we stood still Bros are told, too, where what it found may be lost', async (t) => {
  const { live, at, told } = lives(t);
  const { absence, open, back } = live();
  await open();
  absence.stoodStill();
  at(10);
  back();
  await absence.settled();
  assert.deepEqual(told(), []);
  at(13);
  absence.seen();
  for (const doubt of ['its log is gone', '']) {
    at(40);
    absence.stoodStill();
    absence.seen();
    absence.took(doubt);
    absence.caughtUp();
    await absence.settled();
    assert.deepEqual(told(), doubt === '' ? [] : ['a: 13 to 40, its log is gone']);
  }
});

test('an end at which osquery has not dropped our queries is none in order, and neither is one that is forgotten', async (t) => {
  const { directory, live, told } = lives(t);
  const first = live();
  await first.open();
  first.absence.seen();
  await first.absence.end(false);
  assert.equal(await readHeartbeat(directory), second(0));
  await removeHeartbeat(directory);
  const next = live();
  await next.open();
  next.absence.seen();
  await next.absence.settled();
  next.absence.forgotten();
  await next.absence.end(true);
  assert.equal(await readHeartbeat(directory), second(0));
  assert.deepEqual(told(), []);
});

test('a clock that was set back makes no time that ends before it begins', async (t) => {
  const { directory, live, at, told } = lives(t);
  await writeHeartbeat(directory, second(100));
  at(50);
  const life = live();
  await life.open();
  life.back();
  await life.absence.settled();
  assert.deepEqual(told(), ['a: 50 to 50, its log is gone']);
});

test('a directory that is gone from under us keeps nobody from working', async (t) => {
  const { directory, live, told } = lives(t);
  const life = live();
  await life.open();
  rmSync(directory, { recursive: true });
  life.absence.seen();
  life.absence.seen();
  await life.absence.settled();
  await life.absence.end(true);
  assert.deepEqual(told(), []);
});
