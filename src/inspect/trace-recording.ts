import { isDeepStrictEqual } from 'node:util';
import type { TraceStep } from '../replay/trace.ts';
import { type CutOff, TraceReader } from '../replay/trace-reader.ts';
import { INIT } from '../replay/trace-recorder.ts';
import type { ScheduleEvent } from '../schedule/events.ts';
import type { ScheduleState } from '../schedule/schedule.ts';
import { contextChanges } from './context-changes.ts';
import { payloadText } from './detail-text.ts';
import type { StepEntry } from './entries.ts';
import { FactFollower } from './fact-follower.ts';
import type { Recording } from './recording.ts';
import { messageEntry } from './routes.ts';

const MANAGER = 'schedule-manager';

type Context = Readonly<Record<string, unknown>>;

/**
 * Reads a trace into a recording; the schedule manager's steps tell of facts, too. Throws TraceError for what is no
 * trace.
 * @returns where it ends in the midst of a line, if it does
 */
export async function recordTraceLines(
  lines: AsyncIterable<string>,
  recording: Recording,
): Promise<CutOff | null> {
  const follower = new FactFollower();
  const reader = new TraceReader(lines);
  const contexts = new Map<string, Context>();
  for await (const { line } of reader.read()) {
    if (line.kind === 'message') recording.add(messageEntry(line.message));
    if (line.kind !== 'step') continue;
    if (line.machine === MANAGER) takeManager(line, follower, recording);
    recording.add(stepOf(line, contexts));
  }
  return reader.cutOff;
}

/** @param contexts of every actor so far; a trace has of each step what it replaced */
function stepOf(line: TraceStep, contexts: Map<string, Context>): StepEntry {
  const { at, actor, machine, event, state, status, changed, effects } = line;
  const before = event.type === INIT ? {} : contexts.get(actor);
  contexts.set(actor, { ...before, ...changed });
  const replaced = Object.fromEntries(Object.keys(changed).map((name) => [name, before?.[name]]));
  return {
    ...{ kind: 'step', at, actor, machine, event: event.type },
    ...{ state: state as StepEntry['state'], status: status as StepEntry['status'] },
    payload: payloadText(event),
    changed: before ? contextChanges(replaced, changed, isDeepStrictEqual) : null,
    effects: effects ?? null,
  };
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
