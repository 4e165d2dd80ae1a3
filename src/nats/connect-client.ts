import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { type ConnectionOptions, connect, type NatsConnection } from 'nats';

/** Where Node tells of every socket that connects. */
const CHANNEL = 'net.client.socket';

/**
 * The package's `connect`, without what it leaves behind: a socket whose server never said a word stays open for ever
 * there, one more with each attempt. A client has one socket at a time; a new one ends the one before, and an attempt
 * that failed ends the last.
 */
export async function connectAndCleanUp(options: ConnectionOptions): Promise<NatsConnection> {
  const own = new AsyncLocalStorage<true>();
  let latest: Socket | undefined;
  const onSocket = (message: unknown) => {
    if (!own.getStore()) return;
    latest?.destroy();
    latest = (message as { readonly socket: Socket }).socket;
  };
  subscribe(CHANNEL, onSocket);
  const finish = () => {
    unsubscribe(CHANNEL, onSocket);
    latest?.destroy();
  };
  try {
    const client = await own.run(true, () => connect(options));
    void client.closed().then(finish);
    return client;
  } catch (error) {
    finish();
    throw error;
  }
}
