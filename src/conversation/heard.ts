import type { Decoded, RepeatedQuery } from '../vocabulary/model.ts';
import type { ConversationInput } from './conversation.ts';

/**
 * What a decoded Zeek event is to the conversation.
 * @param at milliseconds since the epoch
 * @param held all subscriptions of that Zeek; called only where they matter
 */
export function heard(decoded: Decoded, at: number, held: () => readonly RepeatedQuery[]): ConversationInput {
  switch (decoded.outcome) {
    case 'request':
      return { type: 'requested', at, request: decoded.request, audience: decoded.audience };
    case 'statement': {
      const { statement, audience } = decoded;
      if (statement.type === 'columnsWanted') return { type: 'columns-wanted', at, wanted: statement };
      if (statement.type !== 'declare') return { type: 'acknowledged', at, acknowledgement: statement };
      return { type: 'declared', at, declaration: statement, audience, held: held() };
    }
    case 'malformed':
      return { type: 'malformed', at, vocabulary: decoded.vocabulary, problem: decoded.problem };
    default:
      return decoded satisfies never;
  }
}
