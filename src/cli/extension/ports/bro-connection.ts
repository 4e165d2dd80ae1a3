import { fromCallback } from 'xstate';
import type { ConnectionCommand, ConnectionEvent } from '../../../../actors/bro-link.ts';
import type { Closed, Connection, ConnectionHandlers, Remote } from '../../../broker/connection.ts';
import { EndpointIds } from '../../../broker/endpoint-ids.ts';
import type { BroLinks } from '../../../conversation/bro-links.ts';
import { ConversationLink, type ConversationParts } from '../../../conversation/conversation-link.ts';
import { helloInterval } from '../../../conversation/messages.ts';
import type { Courier } from '../../../delivery/courier.ts';
import { type ScheduleState, subscriptionsOf } from '../../../schedule/schedule.ts';
import type { Host } from '../../../vocabulary/model.ts';
import type { ExtensionContext } from '../extension-context.ts';
import type { Dial } from './dial.ts';

/** What a connection to a Bro needs of the rest. */
export interface ConnectionParts extends Pick<ConversationParts, 'record'> {
  readonly dial: Dial;
  readonly courier: () => Courier;
  readonly links: BroLinks;
  readonly schedule: () => ScheduleState;
}

/** The port `connection` of a Bro's machine: one life of one connection, and the conversation over it. */
export function connectionPort(context: ExtensionContext, parts: ConnectionParts) {
  const conversations: ConversationParts = {
    ...{ vocabularies: context.vocabularies, now: context.runtime.now, uuid: context.runtime.uuid },
    ...{ log: context.log, record: parts.record },
    vocabularyOptions: () => context.settings().vocabularies,
    receive: (peer, receipt) => {
      if (receipt.type === 'acknowledge') parts.courier().acknowledge(peer, receipt.sequence);
      else parts.courier().sendAgain(peer, receipt.run);
    },
    subscribed: (peer) => subscriptionsOf(parts.schedule(), peer).map(({ query }) => query),
  };
  const ids = new EndpointIds(context.endpointId, context.runtime.uuid);
  return fromCallback<ConnectionCommand, { readonly peer: string; readonly host: Host }, ConnectionEvent>(
    ({ input, sendBack, receive }) => {
      const { log, runtime } = context;
      const { peer } = input;
      const endpointId = ids.of(peer);
      const introduced = (host: Host): Host => ({ ...host, endpointId });
      let host = introduced(input.host);
      let upSince: number | undefined;
      let conversation: ConversationLink | undefined;

      const handlers: ConnectionHandlers = {
        onPhase: (phase) => sendBack({ type: 'connection.phase', phase }),
        onUp(remote: Remote) {
          upSince = runtime.now();
          log.info({ area: 'bro', peer, ...remote }, 'peered with a Zeek');
          sendBack({
            type: 'connection.up',
            incarnation: remote.incarnation,
            transport: remote.transport,
            authenticated: remote.authenticated,
            helloInterval: helloInterval(context.vocabularies()),
          });
          conversation = new ConversationLink(conversations, {
            peer,
            connection,
            remote,
            host,
            onRequest: (request, audience) => sendBack({ type: 'connection.request', request, audience }),
            onProblem,
          });
          parts.links.add(conversation);
          conversation.begin();
          parts.courier().attach(peer, connection);
        },
        onEvent: (topic, event) => conversation?.hear(topic, event),
        onFilter: (topics) => conversation?.filterChanged(topics),
        onSuspect: (suspect) => sendBack({ type: 'connection.suspect', suspect }),
        onProblem,
        onStream({ trouble, holdsRows }) {
          if (trouble === '') log.info({ area: 'bro', peer }, 'the stream takes rows as it should again');
          else log.warn({ area: 'bro', peer, holdsRows }, trouble);
          sendBack({ type: 'connection.stream', trouble, holdsRows });
        },
        onClosed(closed: Closed) {
          ids.ended(peer, closed.code);
          end();
          log[ORDERLY.has(closed.code) ? 'info' : 'warn'](
            { area: 'bro', peer, code: closed.code },
            closed.message,
          );
          sendBack({
            type: 'connection.closed',
            code: closed.code,
            reason: closed.message,
            refused: closed.refused,
            upFor: upSince === undefined ? 0 : runtime.now() - upSince,
            chance: runtime.random(),
          });
        },
      };

      function end(): void {
        if (!conversation) return;
        parts.links.remove(conversation);
        parts.courier().detach(peer, connection);
        conversation = undefined;
      }

      function onProblem(problem: string): void {
        log.warn({ area: 'bro', peer }, problem);
        sendBack({ type: 'connection.problem', problem });
      }

      const filter = context.vocabularies().filter(host);
      const connection: Connection = parts.dial({ peer, endpointId, hostId: host.id, filter }, handlers);
      const leave = once(async () => {
        await conversation?.farewell().catch(() => {});
        await connection.leave();
      });
      receive((command) => {
        switch (command.type) {
          case 'host':
            host = introduced(command.host);
            connection.subscribe(context.vocabularies().filter(host));
            conversation?.hostChanged(host);
            return;
          case 'tell':
            conversation?.tell(command.notice).catch(() => {});
            return;
          case 'hello':
            conversation?.helloDue();
            return;
          case 'leave':
            void leave();
            return;
          default:
            command satisfies never;
        }
      });
      return () => {
        end();
        connection.destroy();
      };
    },
  );
}

/** Ends of a connection that this host or the Zeek wanted; all others are worth a warning. */
const ORDERLY: ReadonlySet<Closed['code']> = new Set(['left', 'goodbye', 'filter-changed', 'moved']);

/** The work, done at most once. */
function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= work();
    return done;
  };
}
