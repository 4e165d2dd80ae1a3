import type { FromPage, FromServer } from '../protocol.ts';

/** What is heard of the server. */
export interface Listener<Heard> {
  onMessage(message: Heard): void;
  /** `refused`: wrong token. */
  onState(state: 'connecting' | 'open' | 'lost' | 'refused'): void;
}

/** Milliseconds until the server is tried again. */
const PAUSE = 1_000;

/** The page's WebSocket, which comes back when it is lost. */
export function connect<Heard = FromServer, Said = FromPage>(
  token: string,
  listener: Listener<Heard>,
): { readonly say: (message: Said) => void } {
  let socket: WebSocket;
  const open = () => {
    listener.onState('connecting');
    socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/socket`);
    socket.addEventListener('open', () => {
      send({ type: 'hello', token });
      listener.onState('open');
    });
    socket.addEventListener('message', ({ data }) => listener.onMessage(JSON.parse(String(data))));
    socket.addEventListener('close', ({ code }) => {
      listener.onState(code === 4401 ? 'refused' : 'lost');
      if (code !== 4401) setTimeout(open, PAUSE);
    });
  };
  const send = (message: unknown) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  };
  open();
  return { say: send };
}
