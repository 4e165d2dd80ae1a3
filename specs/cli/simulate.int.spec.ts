import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Command, CommanderError } from 'commander';
import type { SimulationReport } from '../../src/cli/simulate/report.ts';
import { simulateCommand } from '../../src/cli/simulate.ts';
import { VOCABULARY_IDS } from '../../src/vocabulary/model.ts';
import { startBro, type TestBro } from '../support/bro.ts';
import { surroundings } from '../support/cli-io.ts';

/** Runs the command in this process until it ends. */
async function simulate(
  t: TestContext,
  args: readonly string[],
): Promise<{ report: SimulationReport; error: unknown }> {
  const interrupt = new AbortController();
  t.after(() => interrupt.abort());
  const around = surroundings({ interrupted: interrupt.signal });
  const program = new Command()
    .exitOverride()
    .configureOutput({ writeErr: (text) => around.io.err.write(text) })
    .addCommand(simulateCommand({ ...around.io, now: Date.now, randomId: () => crypto.randomUUID() }));
  for (const command of program.commands) command.exitOverride().copyInheritedSettings(program);
  const error = await program.parseAsync(['simulate', ...args], { from: 'user' }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { report: JSON.parse(around.printed()), error };
}

/** The numbers of each host's rows, as they came. */
function numbersByHost(bro: TestBro): Map<string, number[]> {
  const numbers = new Map<string, number[]>();
  for (const { host, sequence } of bro.rows()) {
    const known = numbers.get(host) ?? [];
    known.push(Number(sequence));
    numbers.set(host, known);
  }
  return numbers;
}

/** Each host's rows are all there, in order but for those that were sent again. */
function assertWhole(bro: TestBro, report: SimulationReport): void {
  let distinct = 0;
  for (const [host, numbers] of numbersByHost(bro)) {
    const first = numbers.filter((number, at) => numbers.indexOf(number) === at);
    assert.deepEqual(
      first,
      [...first].sort((a, b) => a - b),
      `the order of the rows of ${host}`,
    );
    assert.deepEqual(
      first,
      Array.from({ length: first.length }, (_, at) => at + 1),
      `the rows of ${host}`,
    );
    distinct += first.length;
  }
  assert.equal(distinct, report.rows.created);
  assert.equal(report.rows.confirmed, report.rows.created);
  assert.equal(report.rows.unconfirmed, 0);
}

for (const vocabulary of VOCABULARY_IDS) {
  test(`hosts answer a Zeek that speaks ${vocabulary}`, async (t) => {
    const bro = await startBro(t, { vocabulary });
    bro.subscribe('SELECT pid, name FROM processes');
    const { report, error } = await simulate(t, [
      ...['--endpoint', bro.address, '--hosts', '5', '--rows-per-minute', '600', '--duration', '2'],
    ]);
    assert.equal(error, undefined);
    assert.equal(report.hosts.reached, 5);
    assert(report.rows.created > 20, `${report.rows.created} rows`);
    assert.deepEqual(report.problems, { count: 0, samples: [] });
    assertWhole(bro, report);
    assert(report.lag_ms !== null && report.lag_ms.p50 <= report.lag_ms.p99);
  });
}

test('hosts that come and go lose nothing, and keep the order', async (t) => {
  const bro = await startBro(t, { packageVersion: '1.0.0' });
  bro.subscribe('SELECT pid, name FROM processes');
  const { report, error } = await simulate(t, [
    ...['--endpoint', bro.address, '--hosts', '20', '--rows-per-minute', '1200', '--duration', '4'],
    ...['--churn', '600'],
  ]);
  assert.equal(error, undefined);
  assert(report.hosts.reconnects > 5, `${report.hosts.reconnects} reconnects`);
  assertWhole(bro, report);
});

test('rows that nobody confirms are told by the exit code', async (t) => {
  const bro = await startBro(t);
  bro.subscribe('SELECT pid, name FROM processes');
  const running = simulate(t, [
    ...['--endpoint', bro.address, '--hosts', '3', '--rows-per-minute', '6000', '--duration', '5'],
    ...['--drain', '0.5'],
  ]);
  await bro.untilRows(10);
  await bro.kill();
  const { report, error } = await running;
  assert(error instanceof CommanderError);
  assert.equal(error.exitCode, 3);
  assert(report.rows.unconfirmed > 0);
  assert.equal(report.rows.created, report.rows.confirmed + report.rows.unconfirmed);
});
