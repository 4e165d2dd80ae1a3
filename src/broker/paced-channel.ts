import type { OnLeftOut } from './connection.ts';
import type { Channel } from './connection-lifecycle.ts';
import type { ZeekEvent } from './zeek-event.ts';

/**
 * Broker's own WebSocket server (up to Zeek 8.0) closes a connection over TLS on which too much comes at once: 50 events of
 * 560 bytes in a row end it, 3,000 of which no more than 30 are unanswered do not, and with larger events it is fewer (seen
 * with 8.0.10).
 */
const AT_ONCE = 8;

/** Sends no more events at a time than the server takes, and waits each time until it has taken them. */
export function pacedChannel(channel: Channel): Channel {
  let last: Promise<unknown> = Promise.resolve();

  async function send(topic: string, events: readonly ZeekEvent[], onLeftOut?: OnLeftOut): Promise<void> {
    for (let at = 0; at < events.length; at += AT_ONCE) {
      await channel.send(topic, events.slice(at, at + AT_ONCE), (index, why) => onLeftOut?.(at + index, why));
      await channel.confirm();
    }
  }

  return {
    send(topic, events, onLeftOut) {
      const before = last;
      const sending = before.catch(() => {}).then(() => send(topic, events, onLeftOut));
      last = sending;
      return sending;
    },
    confirm: () => channel.confirm(),
  };
}

/** Whether the server is Broker's own, behind TLS: it gives its own version, and alone has anonymous TLS. */
export function needsPacing(transport: string, version: string): boolean {
  return transport === 'wss-anonymous' || (transport === 'wss' && /^[0-4]\./.test(version));
}
