import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OwnLog } from '../../src/zeek-agent/own-log.ts';

function line(level: string, msg: string): string {
  return JSON.stringify({ level, time: '2026-11-24T11:54:18.250Z', area: 'bro', msg });
}

test('lines come since the last time, as Zeek Agent 1 has its own', () => {
  const log = new OwnLog();
  log.take(line('info', 'before'));
  const { rows, cursor } = log.since(undefined);
  assert.deepEqual(rows, []);
  for (const level of ['debug', 'info', 'warn', 'error', 'fatal']) log.take(line(level, level));
  log.take('no JSON');
  assert.deepEqual(log.since(cursor).rows, [
    ['1795521258', 'Information', 'info'],
    ['1795521258', 'Warning', 'warn'],
    ['1795521258', 'Error', 'error'],
    ['1795521258', 'Error', 'fatal'],
  ]);
  assert.deepEqual(log.since(log.since(cursor).cursor).rows, []);
});

test('whoever asks too rarely has the last lines', () => {
  const log = new OwnLog();
  const { cursor } = log.since(undefined);
  for (let n = 0; n < 1_005; n += 1) log.take(line('info', String(n)));
  const { rows } = log.since(cursor);
  assert.deepEqual([rows.length, rows[0]?.[2], rows.at(-1)?.[2]], [1_000, '5', '1004']);
});
