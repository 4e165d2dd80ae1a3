import type { Receipt } from '../vocabulary/model.ts';
import type { VocabularyOptions } from '../vocabulary/vocabularies.ts';
import type { Conversation, ConversationInput, ConversationStep } from './conversation.ts';

/** One step of a conversation, as a trace keeps it: enough to take the step again and to compare. */
export interface ConversationRecord {
  /** The Zeek, by configured address. */
  readonly peer: string;
  readonly connectionId: string;
  readonly input: ConversationInput;
  /** How the conversation began; with its first step alone. */
  readonly begins?: { readonly from: Conversation; readonly vocabularies: VocabularyOptions };
  /** The members that the step has replaced. */
  readonly changed: Partial<Conversation>;
  readonly effects: Effects;
}

/** What followed, in short: arguments of events may be long, and say what the state says. */
export interface Effects {
  readonly say: readonly { readonly topic: string; readonly event: string }[];
  /** Types of requests. */
  readonly requests: readonly string[];
  readonly acknowledgements: readonly Receipt[];
  readonly problems: readonly string[];
}

export function changedBy(before: Conversation, { conversation }: ConversationStep): Partial<Conversation> {
  return Object.fromEntries(
    Object.entries(conversation).filter(([key, value]) => before[key as keyof Conversation] !== value),
  );
}

export function effectsOf({ say, requests, acknowledgements, problems }: ConversationStep): Effects {
  return {
    say: say.map(({ topic, event }) => ({ topic, event: event.name })),
    requests: requests.map(({ request }) => request.type),
    acknowledgements,
    problems,
  };
}
