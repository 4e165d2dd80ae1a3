import { randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import { ByteWriter } from '../../src/broker/byte-writer.ts';
import { count, string } from '../../src/broker/data.ts';
import { bind } from '../../src/broker/listening-server.ts';
import { wireOf } from '../../src/broker/native-wire-connection.ts';
import { dataFrame, RelaySession } from '../../src/broker/relay-session.ts';
import { skimEvents } from '../../src/broker/skimmed-message.ts';
import { systemClock } from '../../src/broker/system-clock.ts';
import { writeEvent } from '../../src/broker/zeek-event.ts';

const ANNOUNCE = '/bro/osquery/host_announce';
const ROWS = '/bro/osquery/bro/bench';
const ROW_EVENT = 'bench::row';

/** A Zeek's stand-in that costs little: it asks each host that announces itself for rows, and counts them. */
export interface CountingZeek {
  /** `broker://127.0.0.1:port` */
  readonly address: string;
  readonly rows: number;
  /** Hosts that have announced themselves, each time counted. */
  readonly hosts: number;
  /** Connections that are up. */
  readonly peers: number;
  close(): void;
}

export async function startCountingZeek(): Promise<CountingZeek> {
  const endpointId = randomUUID();
  const sessions = new Set<RelaySession>();
  let rows = 0;
  let hosts = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    const session: RelaySession = new RelaySession(
      wireOf(socket, systemClock),
      {
        ...{ side: 'accepting', endpointId, filter: [ANNOUNCE, ROWS], maxFrame: 64 * 1024 * 1024 },
        ...{ clock: systemClock, peerName: 'peer' },
      },
      {
        onUp: () => void sessions.add(session),
        onPayload(_topic, payload) {
          for (const { name, args } of skimEvents(payload)) {
            if (name === ROW_EVENT) rows += 1;
            const [, id] = args;
            if (name !== 'osquery::hosts::host_new' || id?.kind !== 'text') continue;
            hosts += 1;
            session.write(dataFrame(endpointId, `/bro/osquery/host/${id.text}`, subscription()));
          }
        },
        onFilter: () => {},
        onPing: (pong) => void session.write(pong),
        onPong: () => {},
        onDrained: () => {},
        onClosed: () => void sessions.delete(session),
      },
    );
    socket.on('drain', () => session.drained());
    socket.on('close', () => session.ended());
    session.start(10_000);
    socket.on('data', (chunk: Buffer) => session.receive(chunk));
  });
  const port = await bind(server, '127.0.0.1', 0, 4096);
  return {
    address: `broker://127.0.0.1:${port}`,
    get rows() {
      return rows;
    },
    get hosts() {
      return hosts;
    },
    get peers() {
      return sessions.size;
    },
    close() {
      server.close();
      for (const session of sessions) session.close('left', 'done');
    },
  };
}

function subscription(): Uint8Array {
  const sql = 'SELECT pid, parent, uid, gid, path, cmdline, time FROM process_events';
  const writer = new ByteWriter(256);
  writeEvent(writer, {
    name: 'osquery::hosts::host_subscribe',
    args: [...[ROW_EVENT, sql, '', ROWS, 'ADDED'].map(string), count(10)],
  });
  return writer.take();
}
