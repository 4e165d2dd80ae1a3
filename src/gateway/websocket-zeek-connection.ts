import { createHash } from 'node:crypto';
import { decodeData } from '../broker/binary.ts';
import { ByteWriter } from '../broker/byte-writer.ts';
import type { Connection } from '../broker/connection.ts';
import { isAnnounceable } from '../broker/endpoint-id.ts';
import { connectWebSocket } from '../broker/websocket-connection.ts';
import { readMessages, writeEvent, type ZeekEvent } from '../broker/zeek-event.ts';
import type { ZeekDialOptions } from './native-zeek-connection.ts';
import type { ZeekLink, ZeekLinkHandlers } from './zeek-link.ts';

export interface WebSocketZeekAddress {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  readonly path: string;
}

/** Calls to send that may wait for the WebSocket. */
const MAX_SENDING = 4;

/**
 * Connects to a Zeek by its WebSocket API, whose form is JSON: messages are decoded for it, and encoded for hosts.
 * Never throws: whatever fails comes as `onClosed`.
 */
export function linkWebSocketZeek(
  address: WebSocketZeekAddress,
  options: ZeekDialOptions & { readonly applicationName: string },
  handlers: ZeekLinkHandlers,
): ZeekLink {
  const writer = new ByteWriter(1024);
  let sending = 0;
  let isUp = false;
  const { endpointId: _, ...rest } = options;
  const connection: Connection = connectWebSocket(
    { ...rest, ...address },
    {
      onPhase: () => {},
      onUp(remote) {
        isUp = true;
        const { transport, version } = remote;
        const incarnation = asUuid(remote.incarnation);
        handlers.onUp({ incarnation, filter: undefined, transport, version, confirms: false });
      },
      onEvent(topic, event) {
        writeEvent(writer.reset(), event);
        handlers.onPayload(topic, writer.take());
      },
      onFilter: () => {},
      onSuspect: () => {},
      onProblem: (problem) => handlers.onProblem(problem),
      onClosed(closed) {
        isUp = false;
        handlers.onClosed(closed);
      },
    },
  );
  return {
    get isOpen() {
      return isUp && sending < MAX_SENDING;
    },
    send(topic, messages) {
      sending += 1;
      const done = () => {
        sending -= 1;
        if (sending === MAX_SENDING - 1) handlers.onRoom();
      };
      connection.send(topic, messages.flatMap(eventsOf)).then(done, () => {});
      return messages.reduce((sum, message) => sum + message.length, 0);
    },
    mark(token) {
      connection.confirm().then(
        () => handlers.onConfirmed(token),
        () => {},
      );
    },
    leave: () => connection.leave(),
    destroy: () => connection.destroy(),
  };
}

/** The messages have been skimmed, so they can be decoded. */
function eventsOf(message: Uint8Array): ZeekEvent[] {
  return readMessages(decodeData(message)).flatMap((one) => (one.type === 'event' ? [one.event] : []));
}

/** Zeek's id as a UUID that hosts take for an endpoint's: itself where it is one, else one made of it. */
function asUuid(incarnation: string): string {
  if (isAnnounceable(incarnation)) return incarnation;
  const hex = createHash('sha256').update(incarnation).digest('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}
