import type { StepEffects } from '../../actors/step-effects.ts';
import type { Published } from '../bus/messages.ts';
import type { ConversationRecord } from '../conversation/record.ts';
import { reasonOf } from '../text/reason.ts';

/**
 * A trace: one JSON object a line, in the order in which it happened. It holds every message of the bus, every
 * step of every machine and of every conversation with a Zeek, so that the real ones can be run again over it. Rows are in none of it; the text of
 * queries, addresses and settings without secrets are.
 */
export type TraceLine = TraceHead | TraceMessage | TraceStep | TraceConversation;

export interface TraceHead {
  readonly kind: 'head';
  readonly format: number;
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export interface TraceMessage {
  readonly kind: 'message';
  readonly message: Published;
}

/** An event that a machine has dealt with, and where that left it. */
export interface TraceStep {
  readonly kind: 'step';
  readonly at: number;
  /** The actor's id, which is its id in the system too. */
  readonly actor: string;
  readonly machine: string;
  readonly event: { readonly type: string } & Readonly<Record<string, unknown>>;
  /** The state value. */
  readonly state: unknown;
  readonly status: string;
  /** The members of the context that this step has replaced; of an actor's first step all. */
  readonly changed: Readonly<Record<string, unknown>>;
  /** Which transitions it took and which actions ran; traces of versions before 0.3 have none. */
  readonly effects?: StepEffects;
}

/** A step of a conversation with a Zeek over one connection. */
export interface TraceConversation extends ConversationRecord {
  readonly kind: 'conversation';
}

export const TRACE_FORMAT = 1;

/** What an `Error` is in a trace. */
const ERROR_MARK = '$error';

/** The line's text. Errors keep their message. */
export function printTraceLine(line: TraceLine): string {
  return JSON.stringify(line, (_key, value: unknown) =>
    value instanceof Error ? { [ERROR_MARK]: value.message } : value,
  );
}

/**
 * - `no-json`, `no-trace`: a line is damaged, or of something else
 * - `newer-format`: another version of this program has written it
 * - `unknown-machine`, `no-beginning`: it tells of a machine that there is not, or goes on with one that never began
 */
export type TraceErrorCode = 'no-json' | 'no-trace' | 'newer-format' | 'unknown-machine' | 'no-beginning';

/** Why a text is no trace. */
export class TraceError extends Error {
  override readonly name = 'TraceError';
  readonly code: TraceErrorCode;

  constructor(code: TraceErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Throws {@link TraceError} with the number of the line for what is none, or of a newer format. */
export function parseTraceLine(text: string, number: number): TraceLine {
  let line: TraceLine;
  try {
    line = JSON.parse(text, (_key, value: unknown) => revive(value));
  } catch (error) {
    throw new TraceError('no-json', `line ${number} is not valid JSON: ${reasonOf(error)}`);
  }
  if (!['head', 'message', 'step', 'conversation'].includes(line?.kind))
    throw new TraceError('no-trace', `line ${number} does not belong to a trace`);
  if (line.kind === 'head' && line.format > TRACE_FORMAT) {
    throw new TraceError(
      'newer-format',
      `the trace has format ${line.format}; this program reads up to ${TRACE_FORMAT}`,
    );
  }
  return line;
}

function revive(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !(ERROR_MARK in value)) return value;
  return new Error(String(value[ERROR_MARK]));
}
