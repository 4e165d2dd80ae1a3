import type { TraceStep } from '../replay/trace.ts';
import { type CutOff, TraceReader } from '../replay/trace-reader.ts';
import { INIT } from '../replay/trace-recorder.ts';
import type { ScheduleEvent } from '../schedule/events.ts';
import type { ScheduleState } from '../schedule/schedule.ts';
import { FactFollower } from './fact-follower.ts';
import type { Recording } from './recording.ts';
import { messageEntry } from './routes.ts';

const MANAGER = 'schedule-manager';

/**
 * Reads a trace into a recording. Of contexts only the schedule manager's is looked at: its facts and its schedule.
 * Throws TraceError for what is no trace.
 * @returns where it ends in the midst of a line, if it does
 */
export async function recordTraceLines(
  lines: AsyncIterable<string>,
  recording: Recording,
): Promise<CutOff | null> {
  const follower = new FactFollower();
  const reader = new TraceReader(lines);
  for await (const { line } of reader.read()) {
    if (line.kind === 'message') recording.add(messageEntry(line.message));
    if (line.kind !== 'step') continue;
    const { at, actor, machine, event, state, status, changed } = line;
    if (machine === MANAGER) takeManager(line, follower, recording);
    recording.add({
      kind: 'step',
      at,
      actor,
      machine,
      event: event.type,
      state: state as never,
      status: status as 'active',
      changed: Object.keys(changed),
    });
  }
  return reader.cutOff;
}

function takeManager(
  { event, state, changed }: TraceStep,
  follower: FactFollower,
  recording: Recording,
): void {
  if (event.type === INIT && 'schedule' in changed) recording.rebase(changed['schedule'] as ScheduleState);
  const decided = changed['decided'] as { readonly events: readonly ScheduleEvent[] } | undefined;
  for (const fact of follower.take({ event: event.type, state, decided })) {
    recording.addFact(fact, recording.lastSeq + 1);
  }
}
