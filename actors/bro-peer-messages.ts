import type { BusMessage } from '../src/bus/messages.ts';
import type { ConnectionEvent } from './bro-link.ts';

/** The bus messages of a Bro's peer, made of its context and of its connection's events. */

/** The part of the context that goes into messages. */
interface PeerContext {
  readonly peer: string;
  readonly incarnation: string;
  readonly requests: number;
  readonly retryIn: number;
  readonly lastClose: { readonly code: string; readonly reason: string } | null;
}

interface Step<T extends ConnectionEvent['type']> {
  readonly context: PeerContext;
  readonly event: Extract<ConnectionEvent, { readonly type: T }>;
}

export function up({ context: { peer }, event }: Step<'connection.up'>): BusMessage {
  const { incarnation, transport, authenticated } = event;
  return { type: 'peer.up', peer, incarnation, transport, authenticated };
}

export function suspect({ context: { peer }, event }: Step<'connection.suspect'>): BusMessage {
  return { type: 'peer.suspect', peer, suspect: event.suspect };
}

export function problem({ context: { peer }, event }: Step<'connection.problem'>): BusMessage {
  return { type: 'peer.problem', peer, problem: event.problem };
}

export function request({ context, event }: Step<'connection.request'>): BusMessage {
  const { peer, incarnation, requests: requestId } = context;
  return {
    type: 'peer.request',
    peer,
    incarnation,
    requestId,
    request: event.request,
    audience: event.audience,
  };
}

export function down({
  context: { peer, lastClose, retryIn },
}: {
  readonly context: PeerContext;
}): BusMessage {
  return {
    type: 'peer.down',
    peer,
    code: lastClose?.code ?? '',
    reason: lastClose?.reason ?? '',
    retryIn,
  };
}

export function resynced({ context: { peer } }: { readonly context: PeerContext }): BusMessage {
  return { type: 'peer.resynced', peer };
}

export function expired({ context: { peer } }: { readonly context: PeerContext }): BusMessage {
  return { type: 'peer.expired', peer };
}
