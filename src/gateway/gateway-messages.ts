import { ByteWriter } from '../broker/byte-writer.ts';
import { count, type Data, none, string, vector } from '../broker/data.ts';
import { writeEvent, type ZeekEvent } from '../broker/zeek-event.ts';
import { pseudoHost } from '../vocabulary/fleet-topics.ts';
import type { VocabularyId } from '../vocabulary/model.ts';
import type { Vocabularies } from '../vocabulary/vocabularies.ts';
import { PACKAGE_VERSION } from '../vocabulary/zeek-package.ts';
import type { Identity } from './guard.ts';
import type { HostLink } from './host-link.ts';
import type { HostPosition } from './outflow.ts';

export interface GatewayMessagesOptions {
  /** Of the topics of zeek-osquery, which the package has too. */
  readonly prefix: string;
  readonly name: string;
  /** This gateway's Broker endpoint id. */
  readonly endpointId: string;
  readonly version: string;
  /** Whether the Zeek listens on a topic; undefined where that can't be told. */
  readonly knows: (topic: string) => boolean | undefined;
  /** Ordered with the messages of a host where it is about that host. */
  readonly say: (topic: string, message: Uint8Array, position?: HostPosition) => void;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly vocabularies: Vocabularies;
  /** The package has handled rows of a stream up to this number. */
  readonly onAcknowledged: (number: number) => void;
}

const MODULE = 'osquery::gateways::';
/** The package's version from which on it says what of a stream it has handled. */
const ACKNOWLEDGES = [1, 2, 0];
/** Milliseconds between two words of a gateway that it is there. */
const HELLO_INTERVAL = 15_000;

/**
 * What a gateway says to the Zeek on its own account: to this project's package who it is and which hosts come through
 * it; to other scripts that a host is gone, in words that they have.
 */
export class GatewayMessages {
  readonly #options: GatewayMessagesOptions;
  readonly #topic: string;
  readonly #ownTopic: string;
  /** Known from the Zeek's filter at once, or from what its package says. */
  #hasPackage: boolean;
  #hasEvents = false;
  #acknowledges = false;
  #helloAt = Number.NEGATIVE_INFINITY;
  #ended = false;

  constructor(options: GatewayMessagesOptions) {
    this.#options = options;
    this.#topic = `${options.prefix}/gateways`;
    this.#ownTopic = `${options.prefix}/gateway/${options.name}`;
    this.#hasPackage = options.knows(this.#topic) === true;
  }

  get hasPackage(): boolean {
    return this.#hasPackage;
  }

  /** Whether the package has told which events it wants rows as. */
  get hasEvents(): boolean {
    return this.#hasEvents;
  }

  begin(): void {
    this.tick();
  }

  end(): void {
    this.#ended = true;
  }

  /** A package has shown itself. */
  declared(): void {
    if (this.#hasPackage || this.#options.knows(this.#topic) === false) return;
    this.#hasPackage = true;
    this.tick();
  }

  /** Says hello when it is due. */
  tick(): void {
    const { now, name, endpointId, version } = this.#options;
    if (this.#ended || !this.#hasPackage || now() - this.#helloAt < HELLO_INTERVAL) return;
    this.#helloAt = now();
    this.#say(this.#topic, `${MODULE}gateway_hello_v1`, [string(name), string(endpointId), string(version)]);
  }

  /** A host introduces itself through this gateway. */
  carries(host: Identity & Pick<HostLink, 'position'>, vocabulary: VocabularyId): void {
    if (vocabulary !== 'zeek-osquery' || !this.#hasPackage) return;
    const args = [string(this.#options.name), string(host.id), string(host.endpointId)];
    this.#say(this.#topic, `${MODULE}gateway_carries_v1`, args, host.position);
  }

  /** A host is gone without a word of its own. */
  lost(host: Identity & Pick<HostLink, 'announced' | 'position'>, reason: string): void {
    const { name, vocabularies, now } = this.#options;
    for (const vocabulary of host.announced) {
      if (vocabulary === 'zeek-osquery' && this.#hasPackage) {
        const args = [string(name), string(host.id), string(host.endpointId), string(reason)];
        this.#say(this.#topic, `${MODULE}gateway_lost_v1`, args, host.position);
      } else if (vocabulary === 'zeek-osquery' || vocabulary === 'zeek-agent-1') {
        // Their scripts pair a host with its endpoint, and wait for Broker to say that it is lost.
        const topic = vocabularies.get(vocabulary)?.announceTopics(pseudoHost(host.id))[0] ?? '';
        this.#say(topic, 'Broker::peer_lost', [endpointInfo(host.endpointId), string(reason)], host.position);
      } else if (vocabulary === 'zeek-agent-2') {
        const occasion = { at: now(), connectionId: '' };
        const words = vocabularies.get(vocabulary)?.farewell(pseudoHost(host.id), occasion) ?? [];
        for (const { topic, event } of words) this.#say(topic, event.name, event.args, host.position);
      }
    }
  }

  /** Two hosts have this one's id: its Zeek is told, in the words that the one here has introduced itself in. */
  duplicate(host: Pick<HostLink, 'id' | 'announced' | 'position' | 'remoteAddress'>, other: string): void {
    const { vocabularies, now } = this.#options;
    const text = `two hosts have the id ${host.id}: one connects from ${host.remoteAddress}, the other from ${other}, and is refused; give each its own uid`;
    for (const id of host.announced) {
      const peer = { at: now(), packageVersion: this.#hasPackage ? PACKAGE_VERSION : '' };
      const message = vocabularies.get(id)?.notice({ level: 'error', text }, pseudoHost(host.id), peer);
      if (message) this.#say(message.topic, message.event.name, message.event.args, host.position);
    }
  }

  /** Whether the package says what of a stream it has handled. */
  get acknowledges(): boolean {
    return this.#acknowledges;
  }

  /** Asks the package to say when it has handled all rows that went before. */
  askFor(number: number): void {
    const args = [string(this.#options.name), count(BigInt(number))];
    this.#say(this.#topic, `${MODULE}gateway_rows_sent_v1`, args);
  }

  /** The names of the events that the package wants rows as, where that is what the Zeek says; else undefined. */
  hear(topic: string, event: ZeekEvent): readonly string[] | undefined {
    if (topic !== this.#ownTopic) return undefined;
    if (event.name === `${MODULE}gateway_acknowledge_v1`) {
      const [number] = event.args;
      if (number?.type === 'count') this.#options.onAcknowledged(Number(number.value));
    }
    if (event.name !== `${MODULE}gateway_welcome_v1`) return [];
    this.#hasPackage = true;
    this.#hasEvents = true;
    const [, version, names] = event.args;
    this.#acknowledges = version?.type === 'string' && isFrom(version.value, ACKNOWLEDGES);
    if (names?.type !== 'vector' && names?.type !== 'set') return [];
    return names.values.flatMap((name) => (name.type === 'string' ? [name.value] : []));
  }

  #say(topic: string, name: string, args: readonly Data[], position?: HostPosition): void {
    const writer = new ByteWriter(256);
    writeEvent(writer, { name, args });
    this.#options.say(topic, writer.take(), position);
  }
}

/** `Broker::EndpointInfo`: record[id: string, network: record[address: string, bound_port: port] &optional]. */
function endpointInfo(endpointId: string): Data {
  return vector([string(endpointId), none]);
}

/** Whether a version, `1.2.0` for example, is that or a later one. */
function isFrom(version: string, first: readonly number[]): boolean {
  const parts = version.split('.').map(Number);
  for (const [at, wanted] of first.entries()) {
    const part = parts[at] ?? 0;
    if (part !== wanted) return part > wanted;
  }
  return true;
}
