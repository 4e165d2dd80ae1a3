/**
 * Builds the traces of zeek/tests/traces: `node --import tsx specs/support/make-zeek-traces.ts`. Each is a short story of TCP
 * connections between made-up machines, with a packet every second beside them so that Zeek's clock goes on.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface Packet {
  /** Seconds since the trace begins. */
  readonly at: number;
  readonly bytes: Buffer;
}

interface Ends {
  readonly from: string;
  readonly fromPort: number;
  readonly to: string;
  readonly toPort: number;
}

/** 2026-03-01 12:00:00 UTC. */
const BEGIN = 1_772_366_400;
const SYN = 2;
const RST = 4;
const ACK = 16;
const FIN = 1;
const PUSH = 8;

function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt8(at) * 256 + (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

const address = (text: string) => Buffer.from(text.split('.').map(Number));

function packet(at: number, from: string, to: string, protocol: number, payload: Buffer): Packet {
  const ip = Buffer.alloc(20);
  ip.writeUInt8(0x45, 0);
  ip.writeUInt16BE(20 + payload.length, 2);
  ip.writeUInt8(64, 8);
  ip.writeUInt8(protocol, 9);
  address(from).copy(ip, 12);
  address(to).copy(ip, 16);
  ip.writeUInt16BE(checksum(ip), 10);
  const pseudo = Buffer.concat([address(from), address(to), Buffer.from([0, protocol, 0, 0])]);
  pseudo.writeUInt16BE(payload.length, 10);
  payload.writeUInt16BE(checksum(Buffer.concat([pseudo, payload])), protocol === 6 ? 16 : 6);
  const ethernet = Buffer.from('0200000000020200000000010800', 'hex');
  return { at, bytes: Buffer.concat([ethernet, ip, payload]) };
}

function udp(at: number, ends: Ends, data: Buffer): Packet {
  const header = Buffer.alloc(8);
  header.writeUInt16BE(ends.fromPort, 0);
  header.writeUInt16BE(ends.toPort, 2);
  header.writeUInt16BE(8 + data.length, 4);
  return packet(at, ends.from, ends.to, 17, Buffer.concat([header, data]));
}

/** One side's view of a TCP connection: what it has sent and what it has got. */
class Connection {
  readonly packets: Packet[] = [];
  readonly #ends: Ends;
  #sent = [1000, 5000];

  constructor(ends: Ends) {
    this.#ends = ends;
  }

  #segment(at: number, side: 0 | 1, flags: number, data: Buffer = Buffer.alloc(0)): void {
    const { from, fromPort, to, toPort } = this.#ends;
    const [own = 0, other = 0] = side === 0 ? this.#sent : this.#sent.toReversed();
    const header = Buffer.alloc(20);
    header.writeUInt16BE(side === 0 ? fromPort : toPort, 0);
    header.writeUInt16BE(side === 0 ? toPort : fromPort, 2);
    header.writeUInt32BE(own, 4);
    header.writeUInt32BE(flags & ACK ? other : 0, 8);
    header.writeUInt8(0x50, 12);
    header.writeUInt8(flags, 13);
    header.writeUInt16BE(65_535, 14);
    const segment = Buffer.concat([header, data]);
    this.packets.push(packet(at, side === 0 ? from : to, side === 0 ? to : from, 6, segment));
    this.#sent[side] = own + data.length + (flags & (SYN | FIN) ? 1 : 0);
  }

  open(at: number): this {
    this.#segment(at, 0, SYN);
    this.#segment(at + 0.001, 1, SYN | ACK);
    this.#segment(at + 0.002, 0, ACK);
    return this;
  }

  refused(at: number): this {
    this.#segment(at, 0, SYN);
    this.#segment(at + 0.001, 1, RST | ACK);
    return this;
  }

  says(at: number, side: 'client' | 'server', data: Buffer | string): this {
    const bytes = Buffer.from(data);
    for (let from = 0; from < bytes.length; from += 1400) {
      this.#segment(at, side === 'client' ? 0 : 1, PUSH | ACK, bytes.subarray(from, from + 1400));
      this.#segment(at, side === 'client' ? 1 : 0, ACK);
    }
    return this;
  }

  close(at: number): this {
    this.#segment(at, 0, FIN | ACK);
    this.#segment(at + 0.001, 1, FIN | ACK);
    this.#segment(at + 0.002, 0, ACK);
    return this;
  }
}

function connection(from: string, fromPort: number, to: string, toPort: number): Connection {
  return new Connection({ from, fromPort, to, toPort });
}

/** Packets of nobody in particular, one in so many seconds. */
function clock(seconds: number, every = 1): Packet[] {
  const ends = { from: '198.51.100.1', fromPort: 9, to: '198.51.100.2', toPort: 9 };
  return Array.from({ length: Math.floor(seconds / every) + 1 }, (_, index) =>
    udp(index * every, ends, Buffer.from('tick')),
  );
}

function writeTrace(name: string, parts: readonly (Connection | Packet[])[]): void {
  const packets = parts
    .flatMap((part) => (part instanceof Connection ? part.packets : part))
    .map((packet, index) => ({ packet, index }))
    .sort((a, b) => a.packet.at - b.packet.at || a.index - b.index);
  const head = Buffer.alloc(24);
  head.writeUInt32LE(0xa1b2c3d4, 0);
  head.writeUInt16LE(2, 4);
  head.writeUInt16LE(4, 6);
  head.writeUInt32LE(65_535, 16);
  head.writeUInt32LE(1, 20);
  const records = packets.flatMap(({ packet: { at, bytes } }) => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(BEGIN + Math.floor(at), 0);
    record.writeUInt32LE(Math.round((at % 1) * 1e6), 4);
    record.writeUInt32LE(bytes.length, 8);
    record.writeUInt32LE(bytes.length, 12);
    return [record, bytes];
  });
  writeFileSync(
    join(import.meta.dirname, '../../zeek/tests/traces', `${name}.pcap`),
    Buffer.concat([head, ...records]),
  );
}

/** The first bytes of a program for Linux, and so many others. */
function program(seed: number, length: number): Buffer {
  const bytes = Buffer.alloc(length, seed);
  Buffer.from('7f454c4602010100000000000000000002003e0001000000', 'hex').copy(bytes);
  return bytes;
}

function httpGet(at: number, client: string, port: number, path: string, body: Buffer): Connection {
  return connection(client, port, '192.0.2.1', 80)
    .open(at)
    .says(at + 0.01, 'client', `GET ${path} HTTP/1.1\r\nHost: files.example\r\n\r\n`)
    .says(
      at + 0.02,
      'server',
      Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`), body]),
    )
    .close(at + 0.5);
}

const WEB = '10.0.0.5';
const DB = '10.0.0.6';

writeTrace('clock', [clock(900)]);

// A program that will run, one that won't, one that ran before, one that the host had, and a page.
writeTrace('download', [
  clock(120),
  httpGet(10, WEB, 40_000, '/update', program(1, 3000)),
  httpGet(12, WEB, 40_001, '/report', program(2, 3000)),
  httpGet(14, WEB, 40_002, '/old', program(3, 3000)),
  httpGet(15, WEB, 40_004, '/had', program(4, 3000)),
  httpGet(16, WEB, 40_003, '/page', Buffer.from('<html><body>Nothing</body></html>')),
]);

// Somebody comes in to web-1, goes on to db-1 and from there to a third; somebody else comes in and stays.
const ssh = (at: number, from: string, port: number, to: string) =>
  connection(from, port, to, 22)
    .open(at)
    .says(at + 0.1, 'server', 'SSH-2.0-OpenSSH_9.2\r\n')
    .says(at + 0.2, 'client', 'SSH-2.0-OpenSSH_9.2\r\n')
    .close(at + 60);
writeTrace('hops', [
  clock(120),
  ssh(5, '203.0.113.9', 50_000, WEB),
  ssh(10, WEB, 40_001, DB),
  ssh(15, DB, 40_100, '10.0.0.7'),
  ssh(20, '203.0.113.10', 50_001, WEB),
]);

// Ports that answer or refuse, twice each, and long connections of which one has no socket.
const asks = (port: number, from: number) => connection('10.0.0.99', from, WEB, port);
const long = (port: number, to: string) => {
  const it = connection(WEB, port, to, 443).open(30);
  for (let at = 35; at < 420; at += 5) it.says(at, 'client', 'data');
  return it;
};
writeTrace('hidden', [
  clock(500),
  ...[60, 150].flatMap((at, index) => [
    asks(4444, 51_000 + index)
      .open(at)
      .close(at + 1),
    asks(8080, 51_010 + index)
      .open(at)
      .close(at + 1),
    asks(6000, 51_020 + index)
      .open(at)
      .close(at + 1),
    asks(9999, 51_030 + index).refused(at),
    asks(7777, 51_040 + index).refused(at),
  ]),
  long(41_000, '192.0.2.66'),
  long(41_001, '192.0.2.67'),
]);

// One program beats, one browses, one uploads, one downloads. Each uses one port, so that one socket explains it.
const talk = (at: number, port: number, to: string, sent: number, got: number) =>
  connection(WEB, port, to, 443)
    .open(at)
    .says(at + 0.1, 'client', Buffer.alloc(sent, 1))
    .says(at + 0.2, 'server', Buffer.alloc(got, 2))
    .close(at + 0.5);
const beats = Array.from({ length: 40 }, (_, n) =>
  talk(60 + n * 60 + ((n * 7) % 5), 42_000, '192.0.2.66', 100, 100),
);
const browses = Array.from({ length: 40 }, (_, n) =>
  talk(61 + n * 60 + ((n * n * 17) % 55), 42_001, '192.0.2.67', 100, 900),
);
writeTrace('talk', [
  clock(2700, 5),
  ...beats,
  ...browses,
  talk(300, 42_002, '192.0.2.70', 30_000, 100),
  talk(330, 42_002, '192.0.2.70', 30_000, 100),
  talk(300, 42_003, '192.0.2.71', 30_000, 60_000),
  // A new program to a new port, late.
  talk(2000, 42_004, '192.0.2.80', 100, 100),
]);

// Two hosts go away, one of them goes on talking; a stranger comes and stays, another comes once.
writeTrace('coverage', [
  clock(1800, 5),
  connection(WEB, 43_000, '192.0.2.1', 80).open(100).close(101),
  connection(WEB, 43_001, '192.0.2.1', 80).open(900).close(901),
  connection('10.0.0.50', 43_000, '192.0.2.1', 80).open(50).close(51),
  connection('10.0.0.50', 43_001, '192.0.2.1', 80).open(1200).close(1201),
  connection('10.0.0.51', 43_000, '192.0.2.1', 80).open(60).close(61),
  connection('10.0.0.53', 43_000, '192.0.2.1', 80).open(70).close(71),
  connection('10.0.0.53', 43_001, '192.0.2.1', 80).open(1210).close(1211),
]);
