import assert from 'node:assert/strict';
import { Command, CommanderError } from 'commander';
import type { SimulationReport } from '../../src/cli/simulate/report.ts';
import { simulateCommand } from '../../src/cli/simulate.ts';
import type { TestBro } from './bro.ts';
import { surroundings } from './cli-io.ts';

/** Runs `simulate` in this process until it ends; `exitCode` is 0 where all went well. */
export async function simulate(
  args: readonly string[],
  interrupted: AbortSignal = new AbortController().signal,
): Promise<{ readonly report: SimulationReport; readonly exitCode: number }> {
  const around = surroundings({ interrupted });
  const program = new Command()
    .exitOverride()
    .configureOutput({ writeErr: (text) => around.io.err.write(text) })
    .addCommand(simulateCommand({ ...around.io, now: Date.now, randomId: () => crypto.randomUUID() }));
  for (const command of program.commands) command.exitOverride().copyInheritedSettings(program);
  const exitCode = await program.parseAsync(['simulate', ...args], { from: 'user' }).then(
    () => 0,
    (error: unknown) => {
      if (error instanceof CommanderError) return error.exitCode;
      throw error;
    },
  );
  return { report: JSON.parse(around.printed()), exitCode };
}

/** The numbers of each host's rows that these Zeeks got, as they came. */
export function numbersByHost(...bros: readonly TestBro[]): Map<string, number[]> {
  const numbers = new Map<string, number[]>();
  for (const { host, sequence } of bros.flatMap((bro) => bro.rows())) {
    const known = numbers.get(host) ?? [];
    known.push(Number(sequence));
    numbers.set(host, known);
  }
  return numbers;
}

/** Each host's rows are all there, none is invented, and those seen for the first time came in order. */
export function assertWhole(report: SimulationReport, ...bros: readonly TestBro[]): void {
  let distinct = 0;
  for (const [host, numbers] of numbersByHost(...bros)) {
    const first = [...new Set(numbers)];
    const expected = Array.from({ length: first.length }, (_, at) => at + 1);
    assert.deepEqual(first, expected, `the rows of ${host}`);
    distinct += first.length;
  }
  assert.equal(distinct, report.rows.created);
  assert.equal(report.rows.confirmed, report.rows.created);
  assert.equal(report.rows.unconfirmed, 0);
}
