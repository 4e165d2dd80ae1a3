import { WebSocket } from 'ws';
import type { WebSocketSession } from './websocket-session.ts';
import type { WebSocketWire } from './wire.ts';

/** Bytes that the WebSocket may hold before it is full. */
const FULL = 256 * 1024;

/** The port of a session to a WebSocket of `ws`. */
export function webSocketWire(socket: WebSocket, drained: () => void): WebSocketWire {
  let full = false;
  const room = () => {
    if (socket.bufferedAmount >= FULL) {
      full = true;
      return false;
    }
    return true;
  };
  const written = () => {
    if (!full || socket.bufferedAmount >= FULL) return;
    full = false;
    drained();
  };
  return {
    send(text) {
      if (socket.readyState !== WebSocket.OPEN) return true;
      socket.send(text, { binary: false }, written);
      return room();
    },
    ping(payload) {
      if (socket.readyState !== WebSocket.OPEN) return true;
      socket.ping(payload, undefined, written);
      return room();
    },
    close: (code, reason) => socket.close(code, reason),
    destroy: () => socket.terminate(),
  };
}

/** Feeds a session with what a WebSocket of `ws` receives. */
export function feed(socket: WebSocket, session: WebSocketSession): void {
  socket.on('message', (data: Buffer, binary: boolean) => {
    if (binary) session.lifecycle.close('protocol', 'unexpected binary frame: Zeek sends text');
    else session.receive(data);
  });
  socket.on('ping', () => session.heard());
  socket.on('pong', (payload) => session.pong(payload));
}
