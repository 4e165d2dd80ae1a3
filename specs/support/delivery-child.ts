/**
 * Delivery as a process of its own that may be killed at any moment. Arguments: directory of its state, directory
 * of the sockets: it listens on `intake` for log lines, one JSON string a line, each answered with `ok` once it is
 * taken (`settled` is answered with the counts once all attached Bros have everything); and keeps one connection
 * to each Bro, `bro-a` and `bro-b`, where it writes rows as JSON lines and asks `confirm`, which is answered.
 */
import { createConnection, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ZeekEvent } from '../../src/broker/zeek-event.ts';
import { Courier } from '../../src/delivery/courier.ts';
import { CursorStore } from '../../src/delivery/cursor-store.ts';
import { JournalStore } from '../../src/delivery/journal-store.ts';
import type { Link } from '../../src/delivery/ports.ts';
import { DeliveryHarness, logEntry, subscription } from './delivery-harness.ts';
import { onLines } from './socket-lines.ts';

const [directory = '', sockets = ''] = process.argv.slice(2);
const harness = await DeliveryHarness.create();
await harness.remove();
harness.subscribe(
  subscription('a', 'a1'),
  subscription('a', 'a2', { topic: '/other' }),
  subscription('b', 'b1'),
);
const cursors = await CursorStore.open({ directory, interval: 5 });
const journal = await JournalStore.open({ directory, now: Date.now, segmentBytes: 20_000 });
const courier = new Courier({
  journal,
  cursors,
  ports: {
    ...harness.ports(),
    now: Date.now,
    after(milliseconds, callback) {
      const timer = setTimeout(callback, milliseconds);
      return () => clearTimeout(timer);
    },
  },
  limits: { batchRows: 20, gatherTime: 5, windowRows: 100, recentBytes: 50_000 },
});
courier.start();

/** A link over a socket, with back-pressure. */
function socketLink(socket: Socket): Link {
  const confirms: { resolve: () => void; reject: (error: Error) => void }[] = [];
  socket.once('close', () => {
    for (const { reject } of confirms.splice(0)) reject(new Error('closed'));
  });
  onLines(socket, () => confirms.shift()?.resolve());
  const write = (text: string) =>
    new Promise<void>((resolve, reject) => {
      if (socket.destroyed) return reject(new Error('closed'));
      if (socket.write(text)) return resolve();
      const end = () => {
        socket.off('drain', end).off('close', end);
        if (socket.destroyed) reject(new Error('closed'));
        else resolve();
      };
      socket.once('drain', end);
      socket.once('close', end);
    });
  return {
    send: (_topic, events) => write(events.map((event) => `${JSON.stringify(flat(event))}\n`).join('')),
    confirm: async () => {
      const confirmed = new Promise<void>((resolve, reject) => confirms.push({ resolve, reject }));
      confirmed.catch(() => {});
      await write('"confirm"\n');
      await confirmed;
    },
  };
}

function flat({ name, args }: ZeekEvent): readonly [string, number] {
  const n = args[1];
  return [name.slice(3), n?.type === 'string' ? Number(n.value) : -1];
}

async function keepLink(peer: string): Promise<void> {
  for (;;) {
    const socket = createConnection(join(sockets, `bro-${peer}`));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    const link = socketLink(socket);
    socket.once('connect', () => courier.attach(peer, link));
    await closed;
    courier.detach(peer, link);
    await pause(5);
  }
}

const intake = createServer((socket) => {
  onLines(socket, async (line) => {
    if (line === 'settled') {
      await courier.settled();
      socket.write(`${JSON.stringify(courier.counts())}\n`);
    } else {
      await courier.take(logEntry(Buffer.from(JSON.parse(line))));
      socket.write('ok\n');
    }
  });
});
intake.listen(join(sockets, `intake-${process.pid}`));
for (const peer of ['a', 'b']) void keepLink(peer);
process.stdout.write('ready\n');
