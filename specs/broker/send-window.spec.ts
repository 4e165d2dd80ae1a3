import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SendWindow } from '../../src/broker/send-window.ts';

const KIB = 1024;

/** Sends that many bytes and a marker, whose answer takes that many milliseconds. */
function round(window: SendWindow, bytes: number, took: number): void {
  window.add(bytes);
  assert.equal(window.confirm(window.mark(1_000), 1_000 + took), true);
}

test('the window grows for a peer that confirms swiftly, up to a bound', () => {
  const window = new SendWindow();
  const sizes = Array.from({ length: 8 }, () => {
    round(window, 1, 500);
    return window.size / KIB;
  });
  assert.deepEqual(sizes, [128, 256, 512, 1024, 2048, 4096, 4096, 4096]);
});

test('it shrinks for a peer that takes more than two seconds, down to a bound, and stays in between', () => {
  const window = new SendWindow();
  const sizes = [501, 2_000, 2_001, 9_000, 9_000].map((took) => {
    round(window, 1, took);
    return window.size / KIB;
  });
  assert.deepEqual(sizes, [64, 64, 32, 16, 16]);
});

test('answers to pings with nothing sent before them say nothing of what the peer can take', () => {
  const window = new SendWindow();
  for (let ping = 0; ping < 5; ping += 1) round(window, 0, 1);
  assert.equal(window.size, 64 * KIB);
});

test('a marker is due after each quarter of the window, and when it is full', () => {
  const window = new SendWindow();
  assert.equal(window.add(16 * KIB - 1), false);
  assert.equal(window.add(1), true);
  window.mark(0);
  assert.equal(window.add(16 * KIB - 1), false);
  assert.equal(window.open, true);
  assert.equal(window.add(32 * KIB + 1), true);
  assert.equal(window.open, false);
  assert.equal(window.unconfirmed, 64 * KIB);
});

test('a returned marker confirms all before it, an unknown one nothing', async () => {
  const window = new SendWindow();
  assert.equal(window.covered(), undefined);
  window.add(10);
  const first = window.mark(0);
  const covered = window.covered();
  window.add(10);
  assert.equal(window.covered(), undefined);
  const second = window.mark(0);
  assert.equal(window.outstanding, 2);
  assert.equal(window.confirm(99n, 1), false);
  assert.equal(window.confirm(second, 1), true);
  await covered;
  assert.equal(window.unconfirmed, 0);
  assert.equal(window.outstanding, 0);
  assert.equal(window.confirm(first, 1), false);
});
