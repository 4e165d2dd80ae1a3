import type { Logger } from 'pino';
import { fromCallback } from 'xstate';
import type { GatewayEvent } from '../../../actors/gateway.machine.ts';
import { formatEndpointAddress } from '../../broker/address.ts';
import { systemClock } from '../../broker/system-clock.ts';
import { meetHostsAtNats } from '../../gateway/nats-hosts-server.ts';
import type { Relay } from '../../gateway/relay.ts';
import type { GatewayNats } from '../../gateway/settings.ts';
import type { GatewayAtNats, GatewayAtNatsReport } from '../../nats/gateway-server.ts';
import { NatsOpenError } from '../../nats/link-client.ts';
import { reasonOf } from '../../text/reason.ts';

export interface NatsPortParts {
  readonly nats: GatewayNats | undefined;
  readonly log: Logger;
  readonly uuid: () => string;
  readonly name: string;
  readonly version: string;
  readonly hostsPerSecond: number;
  /** While there is a Zeek. */
  readonly relay: () => Relay | undefined;
  readonly onTurnedAway: () => void;
  readonly onRefused: (host: string, reason: string) => void;
}

/** How a gateway stands at NATS, for its report. */
export interface NatsStanding extends GatewayAtNatsReport {
  readonly servers: readonly string[];
  readonly prefix: string;
  /** What hinders, by what it is about. */
  readonly troubles: Readonly<Record<string, string>>;
}

/** The port `nats` of a gateway's machine, and what it stands at. */
export class NatsPort {
  readonly #parts: NatsPortParts;
  /** The same over all connections: a lease that it holds is not waited for. */
  readonly #id: string;
  readonly #troubles = new Map<string, string>();
  #meeting: GatewayAtNats | undefined;

  constructor(parts: NatsPortParts) {
    this.#parts = parts;
    this.#id = parts.uuid();
  }

  /** More waits for the Zeek than should: rows stay in the stream. */
  crowd(isCrowded: boolean): void {
    this.#meeting?.crowd(isCrowded);
  }

  /** Undefined where hosts don't meet it at NATS. */
  standing(): NatsStanding | undefined {
    const { nats } = this.#parts;
    if (!nats) return undefined;
    const away = { server: '', connected: false, stream: '', partitions: [], gateways: {}, underWay: 0 };
    return {
      ...(this.#meeting?.report() ?? away),
      servers: nats.servers.map(formatEndpointAddress),
      prefix: nats.settings.prefix,
      troubles: Object.fromEntries(this.#troubles),
    };
  }

  /** Lives while the machine is connected to the server, or connecting. */
  readonly port = fromCallback<{ type: 'leave' }, undefined, GatewayEvent>(({ sendBack, receive }) => {
    const { nats, log, relay: current, name, version, hostsPerSecond } = this.#parts;
    const relay = current();
    let meeting: GatewayAtNats | undefined;
    let isOver = false;
    const failed = (reason: string, refused: boolean) => {
      this.#meeting = undefined;
      this.#tell('server', reason);
      sendBack({ type: 'nats.failed', reason, refused });
    };
    if (!nats || !relay) throw new Error('there is nothing to be met');
    const { onTurnedAway, onRefused } = this.#parts;
    meetHostsAtNats({
      ...{ nats, clock: systemClock, id: this.#id, name, version, hostsPerSecond, relay },
      ...{ onTurnedAway, onRefused },
      onTrouble: (about, trouble) => this.#tell(about, trouble),
      onLeases: () => {
        const partitions = meeting?.report().partitions.length ?? 0;
        log.debug({ area: 'gateway', partitions }, 'serves another share of the hosts');
      },
      onClosed: (closed) => failed(closed.message, closed.refused),
    }).then(
      (met) => {
        if (isOver) {
          met.destroy();
          return;
        }
        meeting = met;
        this.#meeting = met;
        this.#tell('server', '');
        log.info({ area: 'gateway', nats: met.report().server }, 'meets hosts at a NATS server');
        sendBack({ type: 'nats.met' });
      },
      (error: unknown) => {
        if (!isOver) failed(reasonOf(error), error instanceof NatsOpenError && error.closed.refused);
      },
    );
    receive(() => {
      const left = () => sendBack({ type: 'nats.left' });
      if (meeting) meeting.end().then(left, left);
      else left();
    });
    return () => {
      isOver = true;
      meeting?.destroy();
      this.#meeting = undefined;
    };
  });

  #tell(about: string, trouble: string): void {
    const { log } = this.#parts;
    const before = this.#troubles.get(about) ?? '';
    if (trouble === before) return;
    if (trouble === '') {
      this.#troubles.delete(about);
      log.info({ area: 'gateway', about }, `NATS: the ${about} is as it should be again`);
    } else {
      this.#troubles.set(about, trouble);
      log.warn({ area: 'gateway', about }, `NATS: ${trouble}`);
    }
  }
}
