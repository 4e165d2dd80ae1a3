import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VOCABULARY_IDS } from '../../src/vocabulary/model.ts';
import { startBro } from '../support/bro.ts';
import { assertWhole, simulate } from '../support/simulated-fleet.ts';

for (const vocabulary of VOCABULARY_IDS) {
  test(`hosts answer a Zeek that speaks ${vocabulary}`, async (t) => {
    const bro = await startBro(t, { vocabulary });
    bro.subscribe('SELECT pid, name FROM processes');
    const { report, exitCode } = await simulate([
      ...[
        '--endpoint',
        bro.address,
        '--hosts',
        '5',
        '--rows-per-minute',
        '600',
        '--run-interval',
        '0.2',
        '--duration',
        '2',
      ],
    ]);
    assert.equal(exitCode, 0);
    assert.equal(report.hosts.reached, 5);
    assert(report.rows.created > 0);
    assert.deepEqual(report.problems, { count: 0, samples: [] });
    assertWhole(report, bro);
    assert(report.lag_ms !== null && report.lag_ms.p50 <= report.lag_ms.p99);
  });
}

test('hosts that come and go lose nothing, and keep the order', async (t) => {
  const bro = await startBro(t, { packageVersion: '1.0.0' });
  bro.subscribe('SELECT pid, name FROM processes');
  const { report, exitCode } = await simulate([
    ...[
      '--endpoint',
      bro.address,
      '--hosts',
      '20',
      '--rows-per-minute',
      '1200',
      '--run-interval',
      '0.2',
      '--duration',
      '4',
    ],
    ...['--churn', '1500'],
  ]);
  assert.equal(exitCode, 0);
  assert(report.hosts.reconnects > 0);
  assertWhole(report, bro);
});

test('unconfirmed rows show in the exit code', async (t) => {
  const bro = await startBro(t);
  bro.subscribe('SELECT pid, name FROM processes');
  const running = simulate([
    ...[
      '--endpoint',
      bro.address,
      '--hosts',
      '3',
      '--rows-per-minute',
      '6000',
      '--run-interval',
      '0.2',
      '--duration',
      '5',
    ],
    ...['--drain', '0.5'],
  ]);
  await bro.untilRows(10);
  await bro.kill();
  const { report, exitCode } = await running;
  assert.equal(exitCode, 3);
  assert(report.rows.unconfirmed > 0);
  assert.equal(report.rows.created, report.rows.confirmed + report.rows.unconfirmed);
});
