import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import { createActor, fromCallback } from 'xstate';
import { type GatewayEvent, gatewayMachine } from '../../../actors/gateway.machine.ts';
import { formatEndpointAddress } from '../../broker/address.ts';
import { SecurityMemory } from '../../broker/security-memory.ts';
import { systemClock } from '../../broker/system-clock.ts';
import { type AuditEntry, auditLine } from '../../gateway/audit.ts';
import { GatewayCounts } from '../../gateway/counts.ts';
import { linkNativeZeek } from '../../gateway/native-zeek-connection.ts';
import { Relay, type RelayParts } from '../../gateway/relay.ts';
import type { GatewaySettings } from '../../gateway/settings.ts';
import { linkWebSocketZeek } from '../../gateway/websocket-zeek-connection.ts';
import type { ZeekLink, ZeekLinkHandlers } from '../../gateway/zeek-link.ts';
import { FleetTopics } from '../../vocabulary/fleet-topics.ts';
import { createVocabularies } from '../../vocabulary/vocabularies.ts';
import type { AuditFile } from './audit-file.ts';
import { listenerPort } from './listener-port.ts';
import { logHost } from './log-host.ts';
import { NatsPort } from './nats-port.ts';
import { type GatewayReport, natsReport } from './report.ts';

export interface GatewayParts {
  readonly settings: GatewaySettings;
  readonly log: Logger;
  readonly audit: Pick<AuditFile, 'write'> | undefined;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly chance: () => number;
  readonly uuid: () => string;
  readonly name: string;
  readonly version: string;
}

/** A gateway that runs. */
export interface RunningGateway {
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
  /** Sends the hosts away, leaves the Zeek in good order, and ends. */
  drain(): void;
  report(): GatewayReport;
}

const TIMING = {
  ...{ backOffBase: 500, backOffMax: 10_000, listenPause: 5_000 },
  ...{ natsPause: 2_000, natsRefusedPause: 30_000, handOver: 15_000 },
};
/** Milliseconds in which messages of hosts gather for one write to the Zeek. */
const GATHERING = 10;

/** Wires a gateway's machine, its relay and its sockets. */
export function runGateway(parts: GatewayParts): RunningGateway {
  const { settings, log, version, name } = parts;
  const vocabularies = createVocabularies(settings.vocabularies);
  const topics = new FleetTopics(vocabularies);
  const counts = new GatewayCounts();
  const endpointId = parts.uuid();
  const memory = new SecurityMemory();
  const startedAt = parts.now();
  const ownTopic = `${vocabularies.prefix('zeek-osquery')}/gateway/${name}`;
  const filter = [...topics.subscription, ownTopic];
  let relay: Relay | undefined;
  /** The port once bound: a port of 0 stays the same when the Zeek comes back. */
  let port = settings.listen?.port ?? 0;
  const nats = new NatsPort({
    ...{ nats: settings.nats, log, name, version, uuid: parts.uuid, relay: () => relay },
    hostsPerSecond: settings.limits.hostsPerSecond,
    onTurnedAway: () => {
      counts.turnedAway += 1;
    },
    onRefused(host, reason) {
      counts.refused += 1;
      logHost(log, { type: 'refused', host, reason });
    },
  });

  const relayParts: RelayParts = {
    ...{
      settings,
      topics,
      vocabularies,
      counts,
      clock: systemClock,
      now: parts.now,
      endpointId,
      name,
      version,
    },
    soon: (callback) => void setTimeout(callback, GATHERING),
    onAudit: (entry: AuditEntry) => {
      parts.audit?.write(auditLine(entry));
      log.debug({ area: 'gateway', to: entry.to, request: entry.request.type }, 'the Zeek asks');
    },
    onHost: (news) => logHost(log, news),
    onProblem: (problem) => log.warn({ area: 'gateway' }, problem),
    onCrowded: (crowded) => nats.crowd(crowded),
  };

  const dial = (way: number, handlers: ZeekLinkHandlers): ZeekLink => {
    const address = settings.zeek[way];
    if (!address) throw new Error(`there is no way ${way} to the Zeek`);
    const options = {
      ...{ endpointId, filter, tls: settings.zeekTls, maxFrame: settings.limits.maxFrame, memory },
      applicationName: `bro-osquery-gateway/${version}`,
    };
    return address.kind === 'native'
      ? linkNativeZeek(address, options, handlers)
      : linkWebSocketZeek(address, options, handlers);
  };

  const zeek = fromCallback<{ type: 'leave' }, { readonly way: number }, GatewayEvent>(
    ({ input, sendBack, receive }) => {
      const address = settings.zeek[input.way];
      const way = address ? formatEndpointAddress(address) : '';
      const link: ZeekLink = dial(input.way, {
        onUp(zeekUp) {
          counts.zeekUps += 1;
          log.info({ area: 'gateway', zeek: way, ...zeekUp }, 'reached the Zeek');
          relay = new Relay(zeekUp, link, relayParts);
          sendBack({ type: 'zeek.up', incarnation: zeekUp.incarnation });
        },
        onPayload: (topic, payload) => relay?.hear(topic, payload),
        onFilter: (topics) => relay?.filterChanged(topics),
        onRoom: () => relay?.room(),
        onConfirmed: (token) => relay?.confirmed(token),
        onProblem: (problem) => log.warn({ area: 'gateway', zeek: way }, problem),
        onClosed(closed) {
          log.warn({ area: 'gateway', zeek: way, code: closed.code }, closed.message);
          relay?.end('the gateway has lost its Zeek');
          relay = undefined;
          sendBack({
            type: 'zeek.closed',
            ...{ code: closed.code, reason: closed.message, chance: parts.chance() },
          });
        },
      });
      receive(() => {
        relay?.end('the gateway ends');
        void link.leave();
      });
      return () => link.destroy();
    },
  );

  const hosts = listenerPort({
    ...{ settings, log, port: () => port, relay: () => relay, counts },
    onBound(bound) {
      port = bound;
    },
    onFailed: (from, closed) => logHost(log, { type: 'failed', from, closed }),
  });

  const actor = createActor(gatewayMachine.provide({ actors: { zeek, hosts, nats: nats.port } }), {
    id: 'gateway',
    systemId: 'gateway',
    input: {
      ...{ ways: settings.zeek.length, timing: TIMING },
      ...{ listens: settings.listen !== undefined, meets: settings.nats !== undefined },
    },
  });
  const ended = new Promise<void>((resolve, reject) => {
    actor.subscribe({ error: reject, complete: () => resolve() });
  });
  actor.start();
  return {
    ended,
    drain: () => actor.send({ type: 'gateway.drain' }),
    report() {
      const { context, value } = actor.getSnapshot();
      return {
        name,
        version,
        ...{ started_at: new Date(startedAt).toISOString(), endpoint_id: endpointId },
        state: value,
        zeek: {
          ways: settings.zeek.map(formatEndpointAddress),
          way: context.way,
          incarnation: context.incarnation,
          transport: relay?.zeek.transport ?? null,
          has_package: relay?.hasPackage ?? null,
          last_close: context.lastClose,
        },
        listens: settings.listen !== undefined,
        port: context.port,
        nats: natsReport(nats.standing()),
        hosts: relay?.hosts.size ?? 0,
        waiting_bytes: relay?.waitingBytes ?? 0,
        unconfirmed_bytes: relay?.unconfirmedBytes ?? 0,
        asked_events: relay?.askedEvents ?? [],
        counts: { ...counts },
        memory_bytes: process.memoryUsage().rss,
        max_files: maxFiles(),
      };
    },
  };
}

/** The soft limit of this process, which Node has raised to the hard one. */
function maxFiles(): number | null {
  try {
    const limit = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return limit === undefined ? null : Number(limit);
  } catch {
    return null;
  }
}
