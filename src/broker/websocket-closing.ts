import type { Closed } from './connection.ts';

/**
 * What it means that a peer has closed a WebSocket (RFC 6455, section 7.4.1, and what Zeek's server makes of it).
 * @param lastError what Zeek's last message of an error said, empty if there was none
 */
export function closingOf(code: number, reason: string, peerName: string, lastError: string): Closed {
  const said = `${code}${reason ? ` ${reason}` : ''}`;
  const because = (closed: Closed['code'], problem: string, refused = false): Closed => ({
    code: closed,
    message: `${peerName} ${problem}`,
    refused,
  });
  switch (code) {
    case 1000:
      // Broker's server closes so where its own queue for us has run over: nothing normal for who didn't ask.
      return because('reset', `closed the connection (${said}), perhaps because this side read too slowly`);
    case 1001:
      return because('goodbye', 'left in good order');
    case 1007:
      return because('protocol', `found text that is no UTF-8 (${said})`);
    case 1008:
      return because('refused', `refused this client: ${reason || lastError}`, true);
    case 1009:
      return because('frame-too-large', `found a message too large (${said})`);
    default:
      return because('reset', `closed the connection (${said})`);
  }
}
