import type { Transport } from '../../broker/connection.ts';
import { printable, printableJson } from '../../replay/printable.ts';
import type { BroEvent } from '../../zeek-client/bro-event.ts';
import type { AnnouncedHost, BroQuery } from '../../zeek-client/model.ts';

/** What happened at a Bro beside rows, for people; undefined for what only concerns the protocol. */
export function formatBroEvent(news: Exclude<BroEvent, { readonly type: 'row' }>): string | undefined {
  switch (news.type) {
    case 'connected': {
      const { transport, authenticated } = news.remote;
      return `${news.remoteAddress} connected over ${TRANSPORTS[transport]}${authenticated ? ', certificate verified' : ''}`;
    }
    case 'failed':
      return `${news.remoteAddress} failed to connect: ${printable(news.closed.message)}`;
    case 'disconnected':
      return news.hosts.length === 0
        ? `${news.remoteAddress} disconnected without announcing a host: ${printable(news.closed.message)}`
        : `${hosts(news.hosts)} disconnected: ${printable(news.closed.message)}`;
    case 'suspect':
      return `${news.remoteAddress} ${news.suspect ? 'has stopped responding' : 'responds again'}`;
    case 'problem':
      return `${news.remoteAddress}: ${printable(news.problem)}`;
    case 'malformed':
      return `malformed: ${printable(news.problem)}`;
    case 'announced':
      // V5's hosts repeat themselves each minute.
      if (news.again && news.host.helloId !== undefined) return undefined;
      return `host ${formatHost(news.host)} announced itself${news.again ? ' again' : ''} from ${news.remoteAddress}`;
    case 'details':
      return `host ${printable(news.host)} is ${printable(news.hostname)}, version ${printable(news.version)}`;
    case 'requested':
      return `requested of ${printable(news.host)} ${formatQuery(news.query)}`;
    case 'unsubscribed':
      return `unsubscribed at ${printable(news.host)}: ${printable(news.query.sql)}`;
    case 'notice':
      return `host ${printable(news.host)} reports (${news.level}): ${printable(news.text)}`;
    case 'gap':
      return news.rows === 0n
        ? `host ${printable(news.host)} may have lost rows: ${printable(news.reason)}`
        : `host ${printable(news.host)} lost ${news.rows} rows (numbers ${news.first} to ${news.last}): ${printable(news.reason)}`;
    case 'duplicateHost':
      return `two hosts announce the id ${printable(news.host)}: one from ${news.remoteAddresses.join(', another from ')}; give each its own \`uid\``;
    case 'farewell':
      return `host ${printable(news.host)} is shutting down`;
    case 'answered':
    case 'instance':
    case 'columns':
    case 'rowsSent':
    case 'runBegins':
    case 'queriesHeld':
      return undefined;
    default:
      return news satisfies never;
  }
}

/** The same as one line of JSON. */
export function broEventAsJson(news: object, time: number): string {
  const exact = (_key: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value);
  return printableJson(JSON.stringify({ time: new Date(time).toISOString(), ...news }, exact));
}

const TRANSPORTS: Readonly<Record<Transport, string>> = {
  tcp: 'plain TCP',
  tls: 'TLS',
  'tls-anonymous': 'anonymous TLS (encrypted, not authenticated)',
  ws: 'WebSocket',
  wss: 'WebSocket and TLS',
  'wss-anonymous': 'WebSocket and anonymous TLS (encrypted, not authenticated)',
  nats: 'NATS',
};

function hosts(ids: readonly string[]): string {
  return ids.length === 1 ? `host ${printable(ids[0] ?? '')}` : `hosts ${ids.map(printable).join(', ')}`;
}

function formatHost({ id, hostname, groups, addresses, version }: AnnouncedHost): string {
  const known = [
    hostname && printable(hostname),
    version && `version ${printable(version)}`,
    groups && groups.length > 0 && `in ${groups.map(printable).join(', ')}`,
    addresses && addresses.length > 0 && addresses.join(', '),
  ].filter((word) => word);
  return known.length === 0 ? printable(id) : `${printable(id)} (${known.join('; ')})`;
}

function formatQuery({ sql, interval, updateType, event }: BroQuery): string {
  const how = interval === undefined ? 'once' : `every ${interval} s, ${ROWS[updateType]}`;
  return `${how}: ${printable(sql)} (event ${printable(event)})`;
}

const ROWS: Readonly<Record<BroQuery['updateType'], string>> = {
  ADDED: 'added rows',
  REMOVED: 'removed rows',
  BOTH: 'added and removed rows',
  SNAPSHOT: 'all rows',
};
