import { z } from 'zod';
import { formatEndpointAddress, parseEndpointAddress } from '../broker/address.ts';
import type { BrokerAddress } from '../broker/endpoint-connection.ts';
import { tlsMode, tlsSettingsProblem } from '../broker/tls.ts';
import { natsOf, tlsOf } from '../config/parse.ts';
import { problemsOf } from '../config/problems.ts';
import {
  address,
  checked,
  count,
  natsKeys,
  oneOf,
  path,
  tls,
  topicPrefixes,
  vocabularyList,
} from '../config/schema.ts';
import { unknownKeys } from '../config/unknown-keys.ts';
import { natsSettingsProblem } from '../nats/settings.ts';
import {
  DEFAULT_GATEWAY_STATE_DIRECTORY,
  DEFAULT_LIMITS,
  type GatewayLimits,
  type GatewayNats,
  type GatewaySettings,
} from './settings.ts';

/**
 * A gateway's configuration file. Every key is optional but `zeek`, which the command line may name instead; keys that
 * are not here are warned about, never an error.
 */
const pattern = checked('a regular expression', (value) => {
  try {
    new RegExp(value, 'u');
    return null;
  } catch (error) {
    return `expected a regular expression, got ${JSON.stringify(value)}: ${(error as Error).message}`;
  }
});

export const gatewaySchema = z.object(
  {
    zeek: z
      .union([address, z.array(address, 'a list of addresses')], 'an address or a list of them')
      .optional(),
    zeek_tls: tls.optional(),
    listen: checked('an address to listen on such as "0.0.0.0:9998"', (value) => {
      try {
        parseEndpointAddress(value, { listening: true });
        return null;
      } catch (error) {
        return (error as Error).message;
      }
    }).optional(),
    tls: tls.optional(),
    nats: z
      .object(
        {
          servers: z.union(
            [address, z.array(address, 'a list of addresses')],
            'an address or a list of them',
          ),
          ...natsKeys,
          replicas: z.int('1 to 5').min(1, '1 to 5').max(5, '1 to 5').optional(),
          tls: tls.optional(),
        },
        'an object of NATS settings',
      )
      .optional(),
    identity: z
      .object(
        { from: oneOf(['cn', 'dns', 'claimed']).optional(), pattern: pattern.optional() },
        'an object of identity settings',
      )
      .optional(),
    vocabularies: vocabularyList.optional(),
    topic_prefixes: topicPrefixes.optional(),
    limits: z
      .object(
        {
          hosts: count.optional(),
          hosts_per_second: count.optional(),
          rows_per_second: count.optional(),
          host_rows_per_second: count.optional(),
          host_bytes_per_second: count.optional(),
          host_requests_per_minute: count.optional(),
          frame_bytes: count.optional(),
        },
        'an object of limits',
      )
      .optional(),
    audit_log: path.optional(),
    state_dir: z.string('the path of a folder').min(1, 'the path of a folder').optional(),
  },
  'an object of settings',
);

export type GatewayConfig = z.infer<typeof gatewaySchema>;

/** What a reading comes to. Problems and warnings name the place: `gateway.tls.ca: …`. */
export type ParsedGateway =
  | { readonly settings: GatewaySettings; readonly warnings: readonly string[] }
  | { readonly problems: readonly string[]; readonly warnings: readonly string[] };

/** Port that hosts connect to where nothing is said: next to that of Zeek, which may run on the same machine. */
const DEFAULT_LISTEN = '0.0.0.0:9998';

export function parseGatewaySettings(config: unknown): ParsedGateway {
  const warnings = unknownKeys(gatewaySchema, config, 'gateway');
  const result = gatewaySchema.safeParse(config);
  if (!result.success) return { problems: problemsOf(result.error.issues, config, 'gateway'), warnings };
  const { data } = result;
  const problems: string[] = [];
  const zeek = waysOf(data, problems);
  const nats = data.nats && natsMeeting(data.nats, problems);
  // Whoever meets hosts at NATS need not be connected to.
  const listensTo = data.listen ?? (data.nats ? undefined : DEFAULT_LISTEN);
  const listen = listensTo === undefined ? undefined : parseEndpointAddress(listensTo, { listening: true });
  const hostTls = tlsOf(data.tls ?? {});
  const zeekTls = tlsOf(data.zeek_tls ?? {});
  if (listen && listen.kind !== 'native')
    problems.push('gateway.listen: hosts reach a gateway by host:port, broker:// or brokers://');
  for (const [place, own] of [
    ['gateway.tls', hostTls],
    ['gateway.zeek_tls', zeekTls],
  ] as const) {
    const problem = tlsSettingsProblem(own);
    if (problem) problems.push(`${place}: ${problem}`);
  }
  const isMutual = tlsMode(hostTls) === 'mutual';
  const from = data.identity?.from ?? (isMutual ? 'cn' : 'claimed');
  if (from !== 'claimed' && !isMutual)
    problems.push(`gateway.identity.from: ${from} wants certificates of hosts: set up gateway.tls`);
  if (problems.length > 0 || (listen && listen.kind !== 'native')) return { problems, warnings };
  if (listen && !isMutual)
    warnings.push(
      'gateway.tls: without certificates anybody who reaches the gateway can speak for any host; set up gateway.tls',
    );
  return {
    warnings,
    settings: {
      ...{ zeek, zeekTls, listen, tls: hostTls, nats },
      identity: {
        from,
        pattern: data.identity?.pattern === undefined ? undefined : new RegExp(data.identity.pattern, 'u'),
      },
      vocabularies: {
        ...(data.vocabularies && { enabled: data.vocabularies }),
        ...(data.topic_prefixes && { topicPrefixes: data.topic_prefixes as Record<string, string> }),
      },
      limits: limitsOf(data.limits ?? {}),
      auditLog: data.audit_log ?? '',
      stateDirectory: data.state_dir ?? DEFAULT_GATEWAY_STATE_DIRECTORY,
    },
  };
}

function waysOf({ zeek = [] }: GatewayConfig, problems: string[]): readonly BrokerAddress[] {
  const ways: BrokerAddress[] = [];
  for (const [at, text] of (Array.isArray(zeek) ? zeek : [zeek]).entries()) {
    const way = parseEndpointAddress(text);
    const known = ways.some((other) => formatEndpointAddress(other) === formatEndpointAddress(way));
    if (known) problems.push(`gateway.zeek[${at}]: ${text} is listed twice`);
    if (way.kind === 'nats') problems.push(`gateway.zeek[${at}]: ${text} is a NATS server, no Zeek`);
    else ways.push(way);
  }
  if (ways.length === 0 && problems.length === 0)
    problems.push('gateway.zeek: expected the address of a Zeek, got nothing; name it here or by --zeek');
  return ways;
}

function natsMeeting(
  { servers, tls: own = {}, replicas = 1, ...settings }: NonNullable<GatewayConfig['nats']>,
  problems: string[],
): GatewayNats {
  const addresses = (Array.isArray(servers) ? servers : [servers]).flatMap((text, at) => {
    const parsed = parseEndpointAddress(text);
    if (parsed.kind === 'nats') return [parsed];
    problems.push(
      `gateway.nats.servers[${at}]: ${text} is no NATS server: nats://host:port or tls://host:port`,
    );
    return [];
  });
  const meeting = { servers: addresses, settings: natsOf(settings, 'create'), tls: tlsOf(own), replicas };
  const wrong = [natsSettingsProblem(meeting.settings)];
  if (new Set(addresses.map(({ secure }) => secure)).size > 1)
    wrong.push('servers of one cluster are all nats:// or all tls://');
  if (addresses.length === 0 && problems.length === 0) wrong.push('servers: name at least one');
  if (meeting.settings.jetstream === 'off')
    wrong.push('jetstream: gateways read rows from a stream: use or create');
  for (const problem of wrong) if (problem !== '') problems.push(`gateway.nats: ${problem}`);
  return meeting;
}

function limitsOf(limits: NonNullable<GatewayConfig['limits']>): GatewayLimits {
  return {
    hosts: limits.hosts ?? DEFAULT_LIMITS.hosts,
    hostsPerSecond: limits.hosts_per_second ?? DEFAULT_LIMITS.hostsPerSecond,
    rowsPerSecond: limits.rows_per_second ?? DEFAULT_LIMITS.rowsPerSecond,
    hostRowsPerSecond: limits.host_rows_per_second ?? DEFAULT_LIMITS.hostRowsPerSecond,
    hostBytesPerSecond: limits.host_bytes_per_second ?? DEFAULT_LIMITS.hostBytesPerSecond,
    hostRequestsPerMinute: limits.host_requests_per_minute ?? DEFAULT_LIMITS.hostRequestsPerMinute,
    maxFrame: limits.frame_bytes ?? DEFAULT_LIMITS.maxFrame,
  };
}
