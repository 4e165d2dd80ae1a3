import type { Closed } from './connection.ts';
import { dialFailure } from './dial-failure.ts';
import { explainTlsFailure } from './tls.ts';

/** Why a WebSocket did not come about, or has closed. `peerName` is how the other side is named in messages. */

/** By Node's error, or that of `ws`, before the WebSocket was open. */
export function openingFailure(error: NodeJS.ErrnoException, host: string, peerName: string): Closed {
  const tls = explainTlsFailure(error);
  if (tls) return { code: tls.code, message: `${peerName} ${tls.problem}`, refused: tls.refused };
  if (error.code?.startsWith('HPE_')) {
    const advice = "for Broker's native protocol use broker:// or brokers://";
    return { code: 'protocol', message: `${peerName} does not speak HTTP: ${advice}`, refused: false };
  }
  if (error.code === 'ECONNRESET' || error.message === 'socket hang up') {
    const hint = 'try wss:// instead of ws:// (or the reverse); it may not be a WebSocket server';
    const message = `${peerName} closed the connection before sending anything: ${hint}`;
    return { code: 'reset', message, refused: false };
  }
  return { ...dialFailure(error, host, peerName), refused: false };
}

/** By the error that broke the open WebSocket. */
export function breakingFailure(error: NodeJS.ErrnoException, peerName: string): Closed {
  const message = `${peerName}: ${error.message}`;
  const tls = explainTlsFailure(error);
  if (tls) return { code: tls.code, message, refused: tls.refused };
  const isLarge = error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH';
  const code = isLarge ? 'frame-too-large' : error.code?.startsWith('WS_ERR') ? 'protocol' : 'reset';
  return { code, message, refused: false };
}

/**
 * By the peer's own closing (RFC 6455, section 7.4.1, and what Zeek's server makes of it).
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
      return because('protocol', `received invalid UTF-8 (${said})`);
    case 1008:
      return because('refused', `refused this client: ${reason || lastError}`, true);
    case 1009:
      return because('frame-too-large', `received a message that is too large (${said})`);
    default:
      return because('reset', `closed the connection (${said})`);
  }
}
