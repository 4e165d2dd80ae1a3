import type { Msg, NatsConnection } from 'nats';
import { type Clock, type Closed, DEFAULT_TIMINGS } from '../broker/connection.ts';
import { GatewayStream } from './gateway-stream-client.ts';
import { type LeaseMember, type LeaseTable, PARTITIONS } from './lease-table.ts';
import { Leases } from './leases-client.ts';
import { type NatsTarget, openNats, rethrowing, serverName } from './link-client.ts';
import { encodeMessage, type NatsMessage } from './message.ts';
import { PartitionConsumer } from './partition-consumer-client.ts';
import { type HostArrival, type HostHandlers, PartitionHosts } from './partition-hosts-server.ts';
import { type HostRows, readRows } from './stream-rows.ts';
import { type NatsSubjects, natsSubjects } from './subjects.ts';

/** Rows of a host out of the stream. */
export interface StreamRows extends HostRows {
  /** The Zeek has them, or they are refused for good. */
  settled(): void;
}

export interface GatewayAtNatsOptions {
  readonly target: NatsTarget;
  readonly replicas: number;
  /** This gateway's id, another with each start. */
  readonly id: string;
  readonly member: Omit<LeaseMember, 'beat'>;
  /** What hosts are told as the topics that the Zeek listens to. */
  readonly filter: () => readonly string[];
  readonly clock: Clock;
  /** The host's turn has come: handlers of what it sends, or why it may not come in; undefined: not now. */
  readonly admit: (arrival: HostArrival) => Promise<HostHandlers | string | undefined>;
  readonly takeRows: (rows: StreamRows) => void;
  /** What a host sent can't be read, or says that it comes from another. */
  readonly onRefused: (host: string, reason: string) => void;
  /** What hinders with the server, its stream or the leases; empty: nothing any more. */
  readonly onTrouble: (about: 'server' | 'stream' | 'leases', trouble: string) => void;
  readonly onLeases: () => void;
  /** It can't go on: the connection is gone for good. */
  readonly onClosed: (closed: Closed) => void;
}

/** How a gateway stands with its NATS server. */
export interface GatewayAtNatsReport {
  readonly server: string;
  readonly connected: boolean;
  readonly stream: string;
  readonly partitions: readonly number[];
  readonly gateways: LeaseTable['gateways'];
  readonly underWay: number;
}

const BEAT = 5_000;
/** How long the hosts of a gateway that ends have to come by another. */
const LINGER = 5_000;
/** How long what is under way to the Zeek may take when a partition is given back. */
const SETTLING = 3_000;

interface Served {
  readonly lease: number;
  readonly consumer: PartitionConsumer;
}

/**
 * Meets hosts at a NATS server: takes leases of partitions, answers the hosts in them, hands on what they say, and reads
 * their rows from the stream.
 * @throws NatsOpenError
 */
export async function meetAtNats(options: GatewayAtNatsOptions): Promise<GatewayAtNats> {
  const client = await openNats(options.target, DEFAULT_TIMINGS, 'lasting');
  const gateway = new GatewayAtNats(client, options);
  gateway.begin();
  return gateway;
}

export class GatewayAtNats {
  readonly #client: NatsConnection;
  readonly #options: GatewayAtNatsOptions;
  readonly #subjects: NatsSubjects;
  readonly #leases: Leases;
  readonly #stream: GatewayStream;
  readonly #served = new Map<number, Served>();
  readonly #hosts: PartitionHosts;
  #isPaused = false;
  #isConnected = true;
  #beat: unknown;
  #ended = false;

  constructor(client: NatsConnection, options: GatewayAtNatsOptions) {
    this.#client = client;
    this.#options = options;
    const { target, id, member, clock, replicas, onTrouble } = options;
    this.#subjects = natsSubjects(target.settings.prefix);
    const { admit, onRefused } = options;
    this.#hosts = new PartitionHosts({
      ...{ client, subjects: this.#subjects, clock, admit, onRefused },
      ...{ incarnation: member.zeek, pongs: `_INBOX.${id}` },
      welcome: () => this.#presence(options.filter()),
      onTrouble: (trouble) => onTrouble('server', trouble),
    });
    this.#stream = new GatewayStream(client, this.#subjects, {
      ...{ use: target.settings.jetstream, server: serverName(target), replicas },
      onTrouble: (trouble) => onTrouble('stream', trouble),
    });
    this.#leases = new Leases({
      ...{ client, bucket: `${this.#subjects.stream}_LEASES`, replicas, self: id, member, clock },
      onTaken: (partition, lease) => this.#serve(partition, lease),
      onRelease: (partition) => this.#release(partition),
      onLost: (partition, isTaken) => void this.#stop(partition, 0, isTaken),
      onTrouble: (trouble) => onTrouble('leases', trouble),
    });
  }

  begin(): void {
    void this.#followStatus();
    void this.#client.closed().then((error) => {
      if (this.#ended) return;
      this.#leases.abandon();
      const { server } = this.report();
      const message = `lost the connection to ${server}${error ? `: ${error.message}` : ''}`;
      this.#options.onClosed({ code: 'reset', message, refused: false });
    });
    this.#client.subscribe(this.#subjects.hello, {
      queue: 'gateways',
      callback: rethrowing((error: Error | null, raw: Msg) => {
        if (!error) raw.respond(encodeMessage(this.#presence([])));
      }),
    });
    this.#leases.begin();
    this.#sayHere();
  }

  /** Rows are left in the stream for now, or read again. */
  crowd(isCrowded: boolean): void {
    this.#isPaused = isCrowded;
    for (const { consumer } of this.#served.values()) {
      if (isCrowded) consumer.pause();
      else consumer.resume();
    }
  }

  /** Gives its partitions to the other gateways, what is under way settled as far as can be, and disconnects. */
  async end(): Promise<void> {
    if (this.#ended) return;
    const hasOthers = this.#leases.hasOthers && this.#hosts.count > 0;
    await this.#leases.end();
    // The Zeek would take hosts for gone that have not yet come another way when this gateway leaves it.
    if (hasOthers) await new Promise<void>((resolve) => this.#options.clock.setTimeout(resolve, LINGER));
    this.#ended = true;
    this.#options.clock.clearTimeout(this.#beat);
    await this.#client.close();
  }

  /** Ends at once, the Zeek being gone: what is under way stays in the stream, and others take over. */
  destroy(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#options.clock.clearTimeout(this.#beat);
    for (const partition of [...this.#served.keys()]) void this.#stop(partition, 0, false);
    void this.#leases.end().finally(() => this.#client.close());
  }

  report(): GatewayAtNatsReport {
    const { target } = this.#options;
    return {
      server: this.#client.getServer() || serverName(target),
      connected: this.#isConnected,
      stream: this.#stream.name,
      partitions: [...this.#served.keys()].sort((a, b) => a - b),
      gateways: this.#leases.table.gateways,
      underWay: [...this.#served.values()].reduce((sum, { consumer }) => sum + consumer.underWay, 0),
    };
  }

  #serve(partition: number, lease: number): void {
    const consumer = new PartitionConsumer({
      ...{ client: this.#client, subjects: this.#subjects, partition, clock: this.#options.clock },
      stream: () => this.#stream.find(),
      isOurs: () => this.#leases.isValid,
      take: (message, settled) => {
        const rows = readRows(message);
        if (!('problem' in rows)) return this.#options.takeRows({ ...rows, settled });
        this.#options.onRefused(rows.host, rows.problem);
        settled();
      },
      onTrouble: (trouble) => this.#stream.tell(trouble),
    });
    if (this.#isPaused) consumer.pause();
    this.#served.set(partition, { lease, consumer });
    this.#hosts.serve(partition);
    consumer.begin();
    this.#options.onLeases();
    this.#sayHere();
  }

  async #release(partition: number): Promise<void> {
    await this.#stop(partition, SETTLING, true);
  }

  async #stop(partition: number, patience: number, isHandedOver: boolean): Promise<void> {
    const served = this.#served.get(partition);
    if (!served) return;
    this.#served.delete(partition);
    this.#hosts.leave(partition, isHandedOver);
    this.#options.onLeases();
    await served.consumer.stop(patience);
  }

  #presence(filter: readonly string[]): NatsMessage & { readonly type: 'bro' } {
    const { id, member } = this.#options;
    const leases = Object.fromEntries([...this.#served].map(([partition, { lease }]) => [partition, lease]));
    return {
      ...{ type: 'bro', id: member.zeek, version: member.version, filter, confirms: true, session: 0 },
      binary: true,
      gateway: { id, partitions: PARTITIONS, leases },
    };
  }

  #sayHere(): void {
    const { clock } = this.#options;
    clock.clearTimeout(this.#beat);
    if (this.#ended || this.#client.isClosed()) return;
    if (this.#isConnected && this.#leases.isValid)
      this.#client.publish(this.#subjects.bro, encodeMessage(this.#presence([])));
    this.#beat = clock.setTimeout(() => this.#sayHere(), BEAT);
  }

  async #followStatus(): Promise<void> {
    const { onTrouble } = this.#options;
    for await (const { type, permissionContext } of this.#client.status()) {
      if (permissionContext) {
        const { operation, subject } = permissionContext;
        onTrouble('server', `it does not permit us to use ${subject} (${operation})`);
      } else if (type === 'disconnect') {
        this.#isConnected = false;
        onTrouble('server', 'the connection is lost; it is tried again');
      } else if (type === 'reconnect') {
        this.#isConnected = true;
        onTrouble('server', '');
        // What was on its way when the connection broke is given again to a new consumer alone.
        for (const { consumer } of this.#served.values()) consumer.restart();
        this.#sayHere();
      }
    }
  }
}
