import type { BusMessage } from '../src/bus/messages.ts';
import type { Executed } from '../src/schedule/description.ts';
import { isGivenUp, type Policy } from '../src/schedule/policy.ts';
import { type Execution, executions, type ScheduleState } from '../src/schedule/schedule.ts';

interface Executing {
  readonly schedule: ScheduleState;
  readonly policy: Policy;
  /** One-time queries that are being run. */
  readonly running: readonly Execution[];
}

/** Those that wait for their rows and that nobody runs yet. */
export function fresh({ schedule, policy, running }: Executing): readonly Execution[] {
  const names = new Set(running.map(({ name }) => name));
  return executions(schedule).filter(
    (execution) => !names.has(execution.name) && !isGivenUp(execution, policy),
  );
}

/** Those that are being run and that nobody waits for any more. */
export function superfluous({ schedule, running }: Omit<Executing, 'policy'>): readonly Execution[] {
  const names = new Set(executions(schedule).map(({ name }) => name));
  return running.filter(({ name }) => !names.has(name));
}

/** The news that one is through; none if it was not being run. */
export function finished(
  { running }: Pick<Executing, 'running'>,
  name: string,
  { rows, error }: Executed,
): readonly BusMessage[] {
  return running
    .filter((execution) => execution.name === name)
    .map(({ peer }) => ({ type: 'execution.finished', name, peer, rows, error }));
}
