import { isIP } from 'node:net';
import type { NatsConnection as Client } from 'nats';
import type { Clock, Closed, Connection, ConnectionHandlers, Remote, Timings } from '../broker/connection.ts';
import { type Carrier, ConnectionLifecycle } from '../broker/connection-lifecycle.ts';
import { type BroAnnouncement, BroPresence } from './bro-presence-client.ts';
import { endingFailure, permissionFailure, problemOf } from './failures.ts';
import { HostInbox } from './host-inbox-client.ts';
import { NatsOpenError, type NatsTarget, openNats, serverName } from './link-client.ts';
import { encodeMessage } from './message.ts';
import { type Destination, Outbound } from './outbound-client.ts';
import type { JetStreamUse } from './settings.ts';
import { type NatsSubjects, natsSubjects, partitionOf } from './subjects.ts';

export interface NatsConnectOptions extends NatsTarget {
  /** The host's id: names its subjects. */
  readonly hostId: string;
  readonly endpointId: string;
  /** Topics that we want. */
  readonly filter: readonly string[];
  readonly timings?: Partial<Timings>;
  readonly clock?: Clock;
}

/**
 * Connects a host to the Bro behind a NATS server. Never throws: whatever fails comes as `onClosed`.
 *
 * It is up once a Bro has answered on the prefix's subject `hello`: a server alone would take rows that nobody gets.
 * The answer's id is the incarnation; a Bro says its id again every few seconds, and one that has started anew, or
 * goes, ends the connection, to be made anew. The server's own restart changes nothing but the connection.
 */
export function connectNats(options: NatsConnectOptions, handlers: ConnectionHandlers): Connection {
  const opening = new NatsOpening(options, handlers);
  // Not before the caller has the connection that the event is about.
  queueMicrotask(() => void opening.start());
  return opening.lifecycle;
}

/** A host's connection over NATS: reaches the server, then the Bro behind it. */
class NatsOpening {
  /** The connection, as its owner sees it. */
  readonly lifecycle: ConnectionLifecycle;
  readonly #options: NatsConnectOptions;
  readonly #subjects: NatsSubjects;
  #presence: BroPresence | undefined;

  constructor(options: NatsConnectOptions, handlers: ConnectionHandlers) {
    this.#options = options;
    this.lifecycle = new ConnectionLifecycle({ ...options, peerName: serverName(options) }, handlers);
    this.#subjects = natsSubjects(options.settings.prefix);
  }

  async start(): Promise<void> {
    const { lifecycle } = this;
    if (lifecycle.isClosed) return;
    lifecycle.enterPhase(isIP(this.#options.host) ? 'connecting' : 'resolving');
    try {
      await this.#opened(await openNats(this.#options, lifecycle.timings));
    } catch (error) {
      if (error instanceof NatsOpenError) this.#end(error.closed);
      else this.#end(endingFailure(problemOf(error), lifecycle.peerName));
    }
  }

  async #opened(client: Client): Promise<void> {
    const { lifecycle } = this;
    lifecycle.setCarrier({ end: () => void client.close() });
    if (lifecycle.isClosed) return;
    const { handshake } = lifecycle.timings;
    const server = lifecycle.peerName;
    const advice = `check that one there uses the prefix ${this.#subjects.prefix} (bro-osquery bro --nats)`;
    const missing = `no Zeek answered at ${server} within ${handshake} ms: ${advice}`;
    lifecycle.setDeadline(handshake, () => lifecycle.close('handshake-timeout', missing));
    void client.closed().then((error) => {
      if (lifecycle.at === 'leaving') lifecycle.close('left', `disconnected from ${server}`);
      else this.#end(endingFailure(error ?? undefined, server));
    });
    void this.#followStatus(client);
    lifecycle.enterPhase('handshaking');
    if (lifecycle.isClosed) return;
    const inbox = this.#listen(client);
    const carrier: Carrier = {
      end: () => {
        inbox.close();
        void client.close();
      },
      subscribe: (filter) => inbox.listen(filter),
    };
    lifecycle.setCarrier(carrier);
    await this.#greet(client, inbox, carrier);
  }

  #listen(client: Client): HostInbox {
    const { lifecycle } = this;
    const inbox = new HostInbox(client, this.#subjects, this.#options.hostId, {
      onMessage: () => this.#presence?.heard(),
      onBro: (message) => this.#presence?.take(message),
      onEvent: (topic, event) => lifecycle.handlers.onEvent(topic, event),
      onProblem: (problem) => lifecycle.problem(problem),
      onDenied: (subject) => this.#end(permissionFailure('subscription', subject, lifecycle.peerName)),
    });
    inbox.listen(lifecycle.filter);
    return inbox;
  }

  /** Says hello to the Bro, which may not be there yet. */
  async #greet(client: Client, inbox: HostInbox, below: Carrier): Promise<void> {
    const { lifecycle } = this;
    const { peerName: server, timings, clock, handlers } = lifecycle;
    const { hostId: host, endpointId: endpoint, settings } = this.#options;
    const outbound: Outbound = new Outbound({
      connection: client,
      subjects: this.#subjects,
      host,
      ...{ jetstream: settings.jetstream, server, clock, chance: Math.random },
      destination: () => destinationOf(this.#subjects, host, presence.bro),
      onStream: (condition) => handlers.onStream?.(condition),
      askBro: async () => {
        if (presence.bro?.confirms) await presence.ping();
      },
      onProblem: (problem) => lifecycle.problem(problem),
      onFailure: (closed) => this.#end(closed),
    });
    const presence: BroPresence = new BroPresence({
      client,
      subjects: this.#subjects,
      host,
      server,
      timings,
      clock,
      headers: outbound.header,
      hello: () => ({ type: 'hello', host, endpoint, filter: lifecycle.filter }),
      orFailure: (promise) => outbound.orFailure(promise),
      onUp: (bro) => {
        const mismatch = streamMismatch(settings.jetstream, bro, server);
        if (mismatch !== '') return lifecycle.close('incompatible', mismatch, true);
        lifecycle.up({ ...carrier, ...whileUp }, outbound, this.#remote(bro));
        if (lifecycle.isClosed) return;
        outbound.begin();
        inbox.open();
      },
      onSuspect: (suspect) => handlers.onSuspect(suspect),
      onProblem: (problem) => lifecycle.problem(problem),
      onEnd: (closed) => this.#end(closed),
    });
    this.#presence = presence;
    const carrier: Carrier = {
      ...below,
      end: (error, how) => {
        presence.stop();
        outbound.fail(error);
        below.end(error, how);
      },
    };
    const say = (message: Parameters<typeof encodeMessage>[0]) =>
      client.publish(destinationOf(this.#subjects, host, presence.bro).words, encodeMessage(message), {
        headers: outbound.header,
      });
    const whileUp: Pick<Required<Carrier>, 'subscribe' | 'goodbye'> = {
      subscribe: (filter) => {
        inbox.listen(filter);
        say({ type: 'filter', filter });
      },
      goodbye: () => {
        presence.stop();
        say({ type: 'gone', id: host });
        void client.drain().catch(() => {});
      },
    };
    lifecycle.setCarrier(carrier);
    await presence.greet().catch(() => {});
  }

  #remote(bro: BroAnnouncement): Remote {
    const { secure, settings } = this.#options;
    return {
      incarnation: bro.id,
      filter: bro.filter,
      transport: 'nats',
      authenticated: secure,
      version: bro.version,
      confirms: settings.jetstream !== 'off' || bro.confirms,
      keepsRows: settings.jetstream !== 'off',
    };
  }

  async #followStatus(client: Client): Promise<void> {
    const { lifecycle } = this;
    for await (const { type, permissionContext } of client.status()) {
      if (permissionContext) {
        const { operation, subject } = permissionContext;
        // Whoever may only publish has all that is needed; how the stream is set up stays unknown then.
        if (subject.startsWith(STREAM_INFO)) continue;
        this.#end(permissionFailure(operation, subject, lifecycle.peerName));
      } else if (type === 'ldm') {
        lifecycle.problem('the server is about to stop (lame duck mode): reconnecting');
        await client.flush().catch(() => {});
        lifecycle.close('goodbye', `${lifecycle.peerName} asked its clients to disconnect (lame duck mode)`);
      }
    }
  }

  #end({ code, message, refused }: Closed): void {
    this.lifecycle.close(code, message, refused);
  }
}

const STREAM_INFO = '$JS.API.STREAM.INFO.';

/** Where a Bro takes a host's messages, and in which form. */
function destinationOf(subjects: NatsSubjects, host: string, bro: BroAnnouncement | undefined): Destination {
  const form = bro?.binary ? 'binary' : 'json';
  if (!bro?.gateway) return { rows: subjects.rows(host), words: subjects.announce, form };
  const own = subjects.inPartition(partitionOf(host, bro.gateway.partitions), host);
  return { rows: own.rows, words: own.announce, form };
}

/** Gateways read rows from a stream alone. */
function streamMismatch(use: JetStreamUse, bro: BroAnnouncement, server: string): string {
  if (!bro.gateway || use !== 'off') return '';
  return `the gateway at ${server} reads rows from a stream: set jetstream: use for this endpoint`;
}
