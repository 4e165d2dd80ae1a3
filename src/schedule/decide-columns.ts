import { columnsRefusal } from './column-names.ts';
import type { CommandOf } from './commands.ts';
import { accept, type Decision, fact, NOTHING } from './decision.ts';
import { isSameForm } from './description.ts';
import { nextName } from './identity.ts';
import type { Policy } from './policy.ts';
import { spaceRefusal, tableRefusal } from './refusal.ts';
import { entryBytes } from './render.ts';
import { type ScheduleState, subscriptionNamed } from './schedule.ts';

/**
 * osquery tells the columns of a subscription anew: osquery was upgraded, or a view has changed. Rows with other columns
 * are other rows; a new generation begins with them, or the query ends if it can't be had so.
 */
export function recordColumns(
  state: ScheduleState,
  command: CommandOf<'RecordColumns'>,
  policy: Policy,
): Decision {
  const { name, columns, tables, translation } = command;
  const former = subscriptionNamed(state, name);
  if (!former) return NOTHING;
  if (isSameForm(former, command)) return NOTHING;
  const { peer, query, incarnation, confirmed } = former;
  const successor = nextName(state);
  const bytes = entryBytes(successor, { query, translation }) - entryBytes(name, former);
  const refusal =
    tableRefusal(tables, policy) ?? columnsRefusal(columns) ?? spaceRefusal(state, bytes, policy);
  const ended = fact(command, 'QueryUnsubscribed', { name, peer, reason: 'columns-changed' });
  if (refusal) {
    const { code, text } = refusal;
    const refused = fact(command, 'QueryRefused', { peer, request: 'subscribe', code, text, query });
    return { events: [ended, refused], refusal };
  }
  const [audience = { to: 'host' } as const, ...others] = former.via;
  return accept([
    ended,
    fact(command, 'QuerySubscribed', {
      ...{
        name: successor,
        peer,
        incarnation,
        generation: former.generation + 1,
        query,
        columns,
        tables,
        audience,
      },
      ...(translation && { translation }),
      // Whether its Bro still wants it is not known before the Bro repeats it.
      ...(!confirmed && { confirmed }),
    }),
    ...(confirmed
      ? others.map((way) => fact(command, 'QueryConfirmed', { name: successor, peer, audience: way }))
      : []),
  ]);
}
