import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type ThriftMessage, ThriftSplitter } from '../../src/osquery/thrift-splitter.ts';

const LIMITS = { message: 0x7fff_ffff, string: 0x7fff_ffff };

/** A directory for sockets, removed after the test. */
export function socketDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'bro-osquery-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A server that gives each whole Thrift message of each connection to `answer`. */
export async function thriftServer(
  t: TestContext,
  path: string,
  answer: (message: ThriftMessage, socket: Socket) => void,
): Promise<{ connections(): number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const splitter = new ThriftSplitter(LIMITS);
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      for (const message of splitter.push(chunk)) answer(message, socket);
    });
  });
  const close = () =>
    new Promise<void>((resolve) => {
      for (const socket of sockets) socket.destroy();
      if (server.listening) server.close(() => resolve());
      else resolve();
    });
  t.after(close);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return { connections: () => sockets.size, close };
}

/** What came back on a new connection until a whole message had come, or the other side closed. */
export function exchange(path: string, ...chunks: readonly Uint8Array[]): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path });
    const splitter = new ThriftSplitter(LIMITS);
    const parts: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => {
      parts.push(chunk);
      if (splitter.push(chunk).length > 0) socket.end();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // To be closed upon while still writing is an answer as well.
      if (error.code !== 'EPIPE' && error.code !== 'ECONNRESET') reject(error);
    });
    socket.on('close', () => resolve(Buffer.concat(parts)));
    send(socket, chunks).catch(reject);
  });
}

async function send(socket: Socket, chunks: readonly Uint8Array[]): Promise<void> {
  for (const chunk of chunks) {
    if (socket.destroyed) return;
    if (!socket.write(chunk)) {
      await new Promise<void>((resolve) => {
        const go = () => {
          socket.off('drain', go).off('close', go);
          resolve();
        };
        socket.on('drain', go).on('close', go);
      });
    }
  }
}
