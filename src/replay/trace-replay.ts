import { isDeepStrictEqual } from 'node:util';
import { type AnyMachineSnapshot, type AnyStateMachine, initialTransition, transition } from 'xstate';
import { MACHINES } from '../../actors/machines.ts';
import { type ReplayedConversation, replayConversationStep } from './conversation-replay.ts';
import { type TraceConversation, TraceError, type TraceStep } from './trace.ts';
import { type CutOff, TraceReader } from './trace-reader.ts';
import { INIT } from './trace-recorder.ts';

/** Where a machine or conversation came to another state than it had come to when the trace was recorded. */
export interface Deviation {
  readonly line: number;
  readonly step: Pick<TraceStep, 'at' | 'actor' | 'machine' | 'event'>;
  /** What differs, each with the value in the trace and the one of now. */
  readonly differences: readonly {
    readonly what: string;
    readonly traced: unknown;
    readonly now: unknown;
  }[];
}

export interface TraceReplay {
  readonly steps: number;
  readonly messages: number;
  readonly actors: number;
  /** Steps of conversations with Zeeks. */
  readonly conversationSteps: number;
  /** The first deviation, where the replay stopped; null if every step led where it had led. */
  readonly deviation: Deviation | null;
  /** Where the trace ends in the midst of a line; null if it doesn't, or was not read to its end. */
  readonly cutOff: CutOff | null;
}

/** An actor as it is run again: the machine's own snapshot, and the context that the trace tells of. */
interface Rerun {
  readonly machine: AnyStateMachine;
  readonly snapshot: AnyMachineSnapshot;
  readonly traced: Readonly<Record<string, unknown>>;
}

/**
 * Runs the real machines once more over a trace, each event after the other by pure transitions, and compares.
 * Throws {@link TraceError} for what is no trace, or names a machine or actor that isn't known.
 */
export async function replayTrace(lines: AsyncIterable<string>): Promise<TraceReplay> {
  const actors = new Map<string, Rerun>();
  const conversations = new Map<string, ReplayedConversation>();
  const reader = new TraceReader(lines);
  let steps = 0;
  let messages = 0;
  let conversationSteps = 0;
  const result = (deviation: Deviation | null): TraceReplay => ({
    ...{ steps, messages, actors: actors.size, conversationSteps, deviation },
    cutOff: reader.cutOff,
  });
  for await (const { line, number } of reader.read()) {
    if (line.kind === 'message') messages += 1;
    if (line.kind === 'conversation') {
      conversationSteps += 1;
      const { peer, connectionId, input } = line;
      const again = replayConversationStep(conversations.get(connectionId), line, number);
      if (input.type === 'leaving') conversations.delete(connectionId);
      else conversations.set(connectionId, again);
      const differences = conversationDifferences(again, line);
      const step = { at: input.at, actor: peer, machine: 'conversation', event: input };
      if (differences.length > 0) return result({ line: number, step, differences });
    }
    if (line.kind !== 'step') continue;
    steps += 1;
    const rerun = runAgain(actors.get(line.actor), line, number);
    actors.set(line.actor, rerun);
    const differences = differencesOf(rerun, line);
    if (differences.length > 0) return result({ line: number, step: line, differences });
  }
  return result(null);
}

function runAgain(before: Rerun | undefined, step: TraceStep, line: number): Rerun {
  if (step.event.type === INIT) {
    const machine = MACHINES.get(step.machine);
    if (!machine)
      throw new TraceError('unknown-machine', `line ${line} names an unknown machine ${step.machine}`);
    const [snapshot] = initialTransition(machine, step.event['input']);
    return { machine, snapshot, traced: step.changed };
  }
  if (!before)
    throw new TraceError('no-beginning', `line ${line} continues ${step.actor} whose start is missing`);
  const [snapshot] = transition(before.machine, before.snapshot, step.event);
  return { machine: before.machine, snapshot, traced: { ...before.traced, ...step.changed } };
}

function differencesOf({ snapshot, traced }: Rerun, step: TraceStep): Deviation['differences'] {
  const context: Readonly<Record<string, unknown>> = snapshot.context;
  const compared = [
    { what: 'state', traced: step.state, now: snapshot.value },
    { what: 'status', traced: step.status, now: snapshot.status },
    ...members('context', traced, context),
  ];
  return compared.filter(differs);
}

function conversationDifferences(
  { conversation, traced, effects }: ReplayedConversation,
  step: TraceConversation,
): Deviation['differences'] {
  return [
    ...members('conversation', traced, { ...conversation }),
    ...members('effects', { ...step.effects }, { ...effects }),
  ].filter(differs);
}

function members(
  of: string,
  traced: Readonly<Record<string, unknown>>,
  now: Readonly<Record<string, unknown>>,
): Deviation['differences'] {
  const keys = [...new Set([...Object.keys(traced), ...Object.keys(now)])];
  return keys.map((key) => ({ what: `${of}.${key}`, traced: traced[key], now: now[key] }));
}

function differs({ traced, now }: Deviation['differences'][number]): boolean {
  return !isDeepStrictEqual(plain(traced), plain(now));
}

/** As JSON has it, which a trace has been through. */
function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

/** What a replay came to, for people. */
export function formatReplay(replay: Omit<TraceReplay, 'cutOff'>): string[] {
  const { steps, messages, actors, conversationSteps, deviation } = replay;
  if (!deviation) {
    const counts = `${steps} steps of ${actors} machines, ${messages} messages`;
    return [
      conversationSteps === 0
        ? `${counts}: every machine reached the states of the trace.`
        : `${counts}, ${conversationSteps} steps of conversations with Zeeks: every one reached the states of the trace.`,
    ];
  }
  const { line, step, differences } = deviation;
  return [
    `Line ${line}: ${step.actor} (${step.machine}) reached another state at ${new Date(step.at).toISOString()}.`,
    `  event    ${JSON.stringify(step.event)}`,
    ...differences.flatMap(({ what, traced, now }) => [
      `  ${what}`,
      `    traced ${JSON.stringify(traced)}`,
      `    now    ${JSON.stringify(now)}`,
    ]),
  ];
}
