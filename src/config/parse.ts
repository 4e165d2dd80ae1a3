import {
  DEFAULT_PORT,
  type EndpointAddress,
  formatEndpointAddress,
  formatHostAndPort,
  parseEndpointAddress,
} from '../broker/address.ts';
import { DEFAULT_MAX_FRAME } from '../broker/frames.ts';
import { type TlsSettings, tlsSettingsProblem } from '../broker/tls.ts';
import { type JetStreamUse, type NatsSettings, natsSettingsProblem } from '../nats/settings.ts';
import { DEFAULT_PREFIX } from '../nats/subjects.ts';
import { DEFAULT_POLICY, type Policy } from '../schedule/policy.ts';
import { problemsOf } from './problems.ts';
import { type BroConfig, broSchema } from './schema.ts';
import type { EndpointSettings, JournalSettings, Settings } from './settings.ts';
import { unknownKeys } from './unknown-keys.ts';

/** What a reading of the configuration comes to. Problems and warnings name the place: `bro.tls.ca: …`. */
export type Parsed =
  | { readonly settings: Settings; readonly warnings: readonly string[] }
  | { readonly problems: readonly string[]; readonly warnings: readonly string[] };

const SECOND = 1_000;
const DAY = 86_400 * SECOND;

/** Checks the member `bro` of osquery's configuration; undefined (there is none) is a host without Bros. */
export function parseSettings(bro: unknown): Parsed {
  const warnings = unknownKeys(broSchema, bro ?? {}, 'bro');
  const result = broSchema.safeParse(bro ?? {});
  if (!result.success) return { problems: problemsOf(result.error.issues, bro), warnings };
  const { endpoints, problems } = endpointsOf(result.data);
  if (problems.length > 0) return { problems, warnings };
  return { settings: settingsOf(result.data, endpoints), warnings };
}

function endpointsOf(config: BroConfig): {
  readonly endpoints: readonly EndpointSettings[];
  readonly problems: readonly string[];
} {
  const problems: string[] = [];
  const endpoints: EndpointSettings[] = [];
  const add = (
    place: string,
    text: string,
    others: readonly string[],
    own: Pick<BroConfig, 'tls' | 'nats'> = {},
  ) => {
    const address = parseEndpointAddress(text);
    const alternatives = others.map((other) => parseEndpointAddress(other));
    const tls = tlsOf({ ...config.tls, ...own.tls });
    const nats = natsOf({ ...config.nats, ...own.nats });
    const peer = peerOf(address, nats);
    const problem =
      address.kind === 'native'
        ? tlsSettingsProblem(tls)
        : address.kind === 'nats'
          ? natsSettingsProblem(nats)
          : '';
    if (own.nats && address.kind !== 'nats')
      problems.push(`${place}.nats: ${peer} is not the address of a NATS server`);
    if (problem) problems.push(`${place}: ${problem}`);
    if (endpoints.some((other) => other.peer === peer)) problems.push(`${place}: ${peer} is listed twice`);
    for (const other of alternatives) {
      const name = formatEndpointAddress(other);
      if ((other.kind === 'nats') !== (address.kind === 'nats'))
        problems.push(`${place}: ${name} and ${peer} can't be ways to the same Zeek, one is a NATS server`);
      if (other.kind === 'native' && address.kind !== 'native' && tlsSettingsProblem(tls))
        problems.push(`${place}: ${tlsSettingsProblem(tls)}`);
      if (name === formatEndpointAddress(address)) problems.push(`${place}: ${name} is listed twice`);
    }
    endpoints.push({ peer, address, alternatives, tls, nats });
  };
  if (config.bro_endpoint !== undefined)
    add('bro.bro_endpoint', config.bro_endpoint, config.bro_alternatives ?? []);
  else if (config.bro_alternatives !== undefined) {
    problems.push('bro.bro_alternatives: expected bro_endpoint beside it, got bro_alternatives alone');
  }
  if (config.bro_ip !== undefined)
    add('bro.bro_ip', formatHostAndPort(config.bro_ip, config.bro_port ?? DEFAULT_PORT), []);
  else if (config.bro_port !== undefined) {
    problems.push(`bro.bro_port: expected bro_ip beside it, got ${config.bro_port} alone`);
  }
  for (const [at, endpoint] of (config.endpoints ?? []).entries()) {
    const {
      address,
      alternatives = [],
      ...own
    } = typeof endpoint === 'string' ? { address: endpoint } : endpoint;
    add(`bro.endpoints[${at}]`, address, alternatives, own);
  }
  return { endpoints, problems };
}

export function tlsOf(tls: NonNullable<BroConfig['tls']>): TlsSettings {
  return {
    ...(tls.ca !== undefined && { ca: tls.ca }),
    ...(tls.ca_path !== undefined && { caPath: tls.ca_path }),
    ...(tls.certificate !== undefined && { certificate: tls.certificate }),
    ...(tls.key !== undefined && { key: tls.key }),
    ...(tls.passphrase !== undefined && { passphrase: tls.passphrase }),
    ...(tls.require_authentication !== undefined && { requireAuthentication: tls.require_authentication }),
  };
}

/** @param jetstream where nothing is said */
export function natsOf(nats: NonNullable<BroConfig['nats']>, jetstream: JetStreamUse = 'off'): NatsSettings {
  return {
    prefix: nats.prefix ?? DEFAULT_PREFIX,
    jetstream: nats.jetstream ?? jetstream,
    ...(nats.zeek_cluster && { zeekCluster: true }),
    ...(nats.credentials !== undefined && { credentials: nats.credentials }),
    ...(nats.nkey !== undefined && { nkey: nats.nkey }),
    ...(nats.user !== undefined && { user: nats.user }),
    ...(nats.password !== undefined && { password: nats.password }),
  };
}

function peerOf(address: EndpointAddress, { prefix }: NatsSettings): string {
  const text = formatEndpointAddress(address);
  return address.kind === 'nats' && prefix !== DEFAULT_PREFIX ? `${text}/${prefix}` : text;
}

function settingsOf(config: BroConfig, endpoints: readonly EndpointSettings[]): Settings {
  const { groups = [] } = config;
  return {
    endpoints,
    uid: config.uid ?? '',
    groups: [...new Set(Array.isArray(groups) ? groups : Object.values(groups))],
    stateDirectory: config.state_dir ?? '',
    policy: policyOf(config.limits ?? {}),
    rowsPerResult: config.limits?.rows_per_result ?? Number.POSITIVE_INFINITY,
    journal: journalOf(config),
    eventLog: {
      age: config.limits?.event_log_age === undefined ? 30 * DAY : config.limits.event_log_age * SECOND,
      fsync: config.event_log_fsync ?? 'always',
    },
    maxFrame: config.limits?.frame_bytes ?? DEFAULT_MAX_FRAME,
    vocabularies: {
      ...(config.vocabularies && { enabled: config.vocabularies }),
      ...(config.topic_prefixes && { topicPrefixes: config.topic_prefixes as Record<string, string> }),
    },
    nullPolicy: config.null_policy,
    tables: config.tables ?? false,
    forwardStatus: config.forward_status ?? 'off',
    eventsAtOnce: config.events_at_once ?? true,
    oneTimeQueries: config.one_time_queries ?? 'query',
  };
}

function journalOf({ limits = {}, journal_fsync: fsync = 'interval' }: BroConfig): JournalSettings {
  return {
    maxBytes: limits.journal_bytes ?? 1024 ** 3,
    maxAge: limits.journal_age === undefined ? 7 * DAY : limits.journal_age * SECOND,
    fsync,
  };
}

function policyOf(limits: NonNullable<BroConfig['limits']>): Policy {
  const seconds = (value: number | undefined, other: number) =>
    value === undefined ? other : value * SECOND;
  const { shortest_interval: shortestInterval = DEFAULT_POLICY.shortestInterval } = limits;
  return {
    maxSubscriptions: limits.subscriptions ?? DEFAULT_POLICY.maxSubscriptions,
    maxPendingExecutions: limits.pending_executions ?? DEFAULT_POLICY.maxPendingExecutions,
    maxGroups: limits.groups ?? DEFAULT_POLICY.maxGroups,
    requestsPerMinute: limits.requests_per_minute ?? DEFAULT_POLICY.requestsPerMinute,
    shortestInterval,
    defaultInterval: limits.default_interval ?? Math.max(DEFAULT_POLICY.defaultInterval, shortestInterval),
    maxSqlLength: limits.sql_length ?? DEFAULT_POLICY.maxSqlLength,
    maxScheduleBytes: limits.schedule_bytes ?? DEFAULT_POLICY.maxScheduleBytes,
    allowedTables: limits.allow_tables ?? DEFAULT_POLICY.allowedTables,
    deniedTables: limits.deny_tables ?? DEFAULT_POLICY.deniedTables,
    maxExecutionRestarts: DEFAULT_POLICY.maxExecutionRestarts,
    resyncWindow: seconds(limits.resync_window, DEFAULT_POLICY.resyncWindow),
    expiry: seconds(limits.expiry, DEFAULT_POLICY.expiry),
  };
}
