import type { EndpointAddress } from '../broker/address.ts';
import type { BrokerAddress } from '../broker/endpoint-connection.ts';
import type { TlsSettings } from '../broker/tls.ts';
import type { NatsSettings } from '../nats/settings.ts';
import type { VocabularyOptions } from '../vocabulary/vocabularies.ts';

/** How a host proves its id. */
export interface IdentitySettings {
  /** A name of its certificate (the common name, or any DNS name), or merely what it says. */
  readonly from: 'cn' | 'dns' | 'claimed';
  /** What of the name is the id: the first group; undefined: all of it. */
  readonly pattern: RegExp | undefined;
}

export interface GatewayLimits {
  /** Hosts that may be connected at once. */
  readonly hosts: number;
  /** Hosts that are let in a second: at a Zeek's restart the fleet comes back at this pace. */
  readonly hostsPerSecond: number;
  /** Rows that go to the Zeek a second. */
  readonly rowsPerSecond: number;
  readonly hostRowsPerSecond: number;
  readonly hostBytesPerSecond: number;
  /** Requests of the Zeek that one host gets a minute. */
  readonly hostRequestsPerMinute: number;
  /** Longest message taken from anybody, in bytes. */
  readonly maxFrame: number;
}

/** Where hosts meet a gateway that they don't connect to. */
export interface GatewayNats {
  /** Servers of one cluster. */
  readonly servers: readonly Extract<EndpointAddress, { readonly kind: 'nats' }>[];
  readonly settings: NatsSettings;
  readonly tls: TlsSettings;
  /** Of the stream and the leases that are made: servers that keep each. */
  readonly replicas: number;
}

/** A gateway's configuration, checked, with every default filled in. */
export interface GatewaySettings {
  /** Ways to the one Zeek, tried in this order. */
  readonly zeek: readonly BrokerAddress[];
  readonly zeekTls: TlsSettings;
  /** Where hosts connect to; undefined: nowhere. */
  readonly listen: Extract<EndpointAddress, { readonly kind: 'native' }> | undefined;
  /** Where hosts meet it at NATS; undefined: nowhere. */
  readonly nats: GatewayNats | undefined;
  readonly tls: TlsSettings;
  readonly identity: IdentitySettings;
  readonly vocabularies: VocabularyOptions;
  readonly limits: GatewayLimits;
  /** File of the audit log; empty: none. */
  readonly auditLog: string;
  readonly stateDirectory: string;
}

export const DEFAULT_GATEWAY_STATE_DIRECTORY = '/var/lib/bro-osquery-gateway';

export const DEFAULT_LIMITS: GatewayLimits = {
  hosts: 20_000,
  hostsPerSecond: 500,
  rowsPerSecond: Number.POSITIVE_INFINITY,
  hostRowsPerSecond: 10_000,
  hostBytesPerSecond: 16 * 1024 * 1024,
  hostRequestsPerMinute: Number.POSITIVE_INFINITY,
  maxFrame: 16 * 1024 * 1024,
};
