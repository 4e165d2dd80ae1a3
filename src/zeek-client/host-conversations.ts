import type { Connection, ConnectionHandlers } from '../broker/connection.ts';
import type { ZeekEvent } from '../broker/zeek-event.ts';
import type { QueryDigest } from '../vocabulary/model.ts';
import { columnsWanted } from '../vocabulary/query-columns.ts';
import { queryDigest } from '../vocabulary/query-digest.ts';
import type { BroEvent } from './bro-event.ts';
import type { ZeekDialect } from './dialect.ts';
import { desiredQueriesAreDue, type HostLink, type HostState, letsThrough, newHost } from './host-link.ts';
import type { AnnouncedHost, HostMessage, Subscription } from './model.ts';
import { acknowledge, declare, desiredQueries } from './package-dialect.ts';
import { decodeQueryColumns } from './query-columns.ts';
import type { RequestRegistry } from './request-registry.ts';

export interface HostConversationsParts {
  readonly endpointId: string;
  readonly dialect: ZeekDialect;
  readonly requests: RequestRegistry;
  /** See BroOptions. */
  readonly packageVersion: string | undefined;
  readonly tell: (news: BroEvent) => void;
}

/** The conversations of a Bro with the hosts behind its connections. */
export class HostConversations {
  readonly #parts: HostConversationsParts;
  readonly #dialect: ZeekDialect;
  readonly #requests: RequestRegistry;
  readonly #tell: (news: BroEvent) => void;
  readonly #links = new Set<HostLink>();
  #closing = false;

  constructor(parts: HostConversationsParts) {
    this.#parts = parts;
    this.#dialect = parts.dialect;
    this.#requests = parts.requests;
    this.#tell = parts.tell;
  }

  /** Asks every host what it is to be asked and has not been asked yet. */
  offerAll(): void {
    this.#eachHost((link, state) => this.#offer(link, state));
  }

  /** Tells every host once more who asks. */
  greetAll(): void {
    this.#eachHost((link, state) => {
      state.declared = 'again';
      this.#greet(link, state);
    });
  }

  unsubscribe(query: Subscription): void {
    for (const link of this.#links) {
      const hosts = [...link.hosts.values()].filter(({ offered }) => offered.delete(query.id));
      if (hosts.length === 0) continue;
      this.#send(link, this.#dialect.topicOf(query.target), this.#dialect.unsubscribe(query));
      for (const { host } of hosts) this.#tell({ type: 'unsubscribed', host: host.id, query });
    }
  }

  /** The hosts are no longer asked to be in the group. */
  forgetJoined(group: string): void {
    this.#eachHost((_link, { joined }) => joined.delete(group));
  }

  /** Sends any event to those hosts that their filters let it through to. */
  publish(topic: string, event: ZeekEvent): void {
    for (const link of this.#links)
      if (link.remote && letsThrough(link, topic)) this.#send(link, topic, event);
  }

  /** From now on failures to send are not reported. */
  closing(): void {
    this.#closing = true;
  }

  /** Cuts every connection. */
  destroy(): void {
    for (const { connection } of this.#links) connection.destroy();
  }

  /** Takes on a connection. */
  accept(connection: Connection, remoteAddress: string): ConnectionHandlers {
    const link: HostLink = {
      connection,
      remoteAddress,
      remote: undefined,
      filter: undefined,
      hosts: new Map(),
    };
    this.#links.add(link);
    return {
      onPhase: () => {},
      onUp: (remote) => {
        link.remote = remote;
        link.filter = remote.filter;
        this.#tell({ type: 'connected', remoteAddress, remote });
      },
      onEvent: (topic, event) => {
        // Over WebSocket hosts can't know the filter; a Zeek gets what it subscribed to all the same.
        if (!this.#dialect.filter.some((prefix) => topic.startsWith(prefix))) return;
        const message =
          decodeQueryColumns(event) ?? this.#dialect.decode({ topic, event }, this.#requests.asked);
        if (message) this.#decode(link, message);
      },
      onFilter: (topics) => {
        link.filter = topics;
        for (const state of link.hosts.values()) this.#offer(link, state);
      },
      onSuspect: (suspect) => this.#tell({ type: 'suspect', remoteAddress, suspect }),
      onProblem: (problem) => this.#tell({ type: 'problem', remoteAddress, problem }),
      onClosed: (closed) => {
        this.#links.delete(link);
        const hosts = [...link.hosts.keys()];
        if (link.remote) this.#tell({ type: 'disconnected', remoteAddress, closed, hosts });
        else this.#tell({ type: 'failed', remoteAddress, closed });
      },
    };
  }

  #decode(link: HostLink, message: HostMessage): void {
    switch (message.type) {
      case 'announced':
        this.#announced(link, message.host);
        return;
      case 'rowsSent':
        this.#send(
          link,
          this.#dialect.topicOf({ to: 'host', host: message.host }),
          acknowledge(message.sequence, message.instanceId),
        );
        break;
      case 'queriesHeld': {
        const state = link.hosts.get(message.host);
        if (state) this.#compareDesiredQueries(link, state, message.held);
        break;
      }
      default:
    }
    this.#tell(message);
  }

  #announced(link: HostLink, host: AnnouncedHost): void {
    const before = link.hosts.get(host.id);
    const again = before !== undefined && before.host.helloId === host.helloId;
    const state = again ? before : newHost(host);
    state.host = host;
    link.hosts.set(host.id, state);
    this.#tell({ type: 'announced', host, remoteAddress: link.remoteAddress, again });
    if (!again) {
      this.#lookForDuplicate(link, host.id);
      this.#greet(link, state);
    }
    this.#offer(link, state);
  }

  /** One host may come over two transports; two endpoints are two processes. */
  #lookForDuplicate(link: HostLink, id: string): void {
    const other = [...this.#links].find(
      (one) =>
        one !== link &&
        one.hosts.has(id) &&
        one.remote &&
        one.remote.incarnation !== link.remote?.incarnation,
    );
    if (!other) return;
    const remoteAddresses = [other.remoteAddress, link.remoteAddress];
    this.#tell({ type: 'duplicateHost', host: id, remoteAddresses });
  }

  /** Asks a host what it is to be asked and has not been asked yet. */
  #offer(link: HostLink, state: HostState): void {
    for (const { topic, event, query } of this.#requests.takeDue(link, state)) {
      this.#send(link, topic, event);
      if (query) this.#tell({ type: 'requested', host: state.host.id, query });
    }
  }

  #greet(link: HostLink, state: HostState): void {
    const { endpointId, packageVersion } = this.#parts;
    const topic = this.#dialect.topicOf({ to: 'host', host: state.host.id });
    const greeting = this.#dialect.greeting();
    if (greeting) this.#send(link, topic, greeting);
    const [announcements = ''] = this.#dialect.filter;
    this.#send(link, topic, columnsWanted(this.#dialect.responseTopic || announcements));
    if (packageVersion === undefined) return;
    const digest = queryDigest(this.#requests.desiredQueriesOf(link, state));
    this.#send(link, topic, declare(endpointId, packageVersion, digest));
  }

  #compareDesiredQueries(link: HostLink, state: HostState, held: QueryDigest): void {
    const queries = this.#requests.desiredQueriesOf(link, state);
    if (!desiredQueriesAreDue(state, queryDigest(queries), held)) return;
    const topic = this.#dialect.topicOf({ to: 'host', host: state.host.id });
    this.#send(link, topic, desiredQueries(this.#parts.endpointId, queries));
  }

  #eachHost(visit: (link: HostLink, state: HostState) => void): void {
    for (const link of this.#links) for (const state of link.hosts.values()) visit(link, state);
  }

  #send(link: HostLink, topic: string, event: ZeekEvent): void {
    link.connection.send(topic, [event]).catch((error: Error) => {
      if (this.#closing) return;
      const problem = `${event.name} did not reach ${topic}: ${error.message}`;
      this.#tell({ type: 'problem', remoteAddress: link.remoteAddress, problem });
    });
  }
}
