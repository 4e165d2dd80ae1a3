import type { Conversation } from '../conversation/conversation.ts';
import { converse } from '../conversation/converse.ts';
import { type Effects, effectsOf } from '../conversation/record.ts';
import { createVocabularies, type Vocabularies } from '../vocabulary/vocabularies.ts';
import { type TraceConversation, TraceError } from './trace.ts';

/** A conversation as it is held again, and the state that the trace tells of. */
export interface ReplayedConversation {
  readonly vocabularies: Vocabularies;
  readonly conversation: Conversation;
  readonly traced: Readonly<Record<string, unknown>>;
  readonly effects: Effects;
}

/**
 * Takes one step of a conversation again.
 * @param before undefined at its beginning
 * @throws TraceError where the trace has not told how the conversation began
 */
export function replayConversationStep(
  before: ReplayedConversation | undefined,
  step: TraceConversation,
  line: number,
): ReplayedConversation {
  const { begins, input, changed } = step;
  const begun = begins && {
    vocabularies: createVocabularies(begins.vocabularies),
    conversation: begins.from,
    traced: { ...begins.from },
  };
  const from = begun ?? before;
  if (!from) {
    throw new TraceError(
      'no-beginning',
      `line ${line} continues a conversation with ${step.peer} whose start is missing`,
    );
  }
  const taken = converse(from.conversation, input, from.vocabularies);
  return {
    vocabularies: from.vocabularies,
    conversation: taken.conversation,
    traced: { ...from.traced, ...changed },
    effects: effectsOf(taken),
  };
}
