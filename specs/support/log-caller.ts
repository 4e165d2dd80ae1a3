import { connect } from 'node:net';

/** Makes osqueryd's calls of the logger with as little work of its own as can be: the bytes of a call are made before. */

/** A Thrift call of the logger plugin `bro` with one string under that key of the request. */
export function logCallBytes(key: 'string' | 'string_batch', payload: Uint8Array): Buffer {
  return message('call', [
    ...field(11, 1, text('logger')),
    ...field(11, 2, text('bro')),
    ...field(13, 3, [
      Buffer.from([11, 11]),
      u32(2),
      ...text(key),
      ...text(payload),
      ...text('category'),
      ...text('event'),
    ]),
  ]);
}

export const PING: Buffer = message('ping', []);

/** Sends the message over a connection of its own. @returns milliseconds until the whole answer was there */
export function exchange(path: string, bytes: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    const from = performance.now();
    const socket = connect(path);
    socket.on('error', reject);
    socket.on('data', (chunk: Buffer) => {
      // An answer is less than a hundred bytes; its type is the last of the first four.
      if (chunk[3] !== 2) reject(new Error(`answered ${chunk.toString('latin1')}`));
      else resolve(performance.now() - from);
      socket.destroy();
    });
    socket.write(bytes);
  });
}

/** A ping and a call, as osqueryd makes them. @returns milliseconds of the call */
export async function logCall(path: string, bytes: Uint8Array): Promise<number> {
  await exchange(path, PING);
  return exchange(path, bytes);
}

function message(method: string, fields: readonly Uint8Array[]): Buffer {
  return Buffer.concat([Buffer.from([0x80, 1, 0, 1]), ...text(method), u32(0), ...fields, Buffer.from([0])]);
}

function field(type: number, id: number, value: readonly Uint8Array[]): Uint8Array[] {
  return [Buffer.from([type, 0, id]), ...value];
}

function text(value: string | Uint8Array): Uint8Array[] {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  return [u32(bytes.length), bytes];
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
