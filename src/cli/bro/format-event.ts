import type { Transport } from '../../broker/connection.ts';
import { printable, printableJson } from '../../replay/printable.ts';
import type { BroEvent } from '../../zeek-client/bro-event.ts';
import type { AnnouncedHost, BroQuery } from '../../zeek-client/model.ts';

/** What happened at a Bro beside rows, for people; undefined for what only concerns the protocol. */
export function formatBroEvent(news: Exclude<BroEvent, { readonly type: 'row' }>): string | undefined {
  switch (news.type) {
    case 'connected': {
      const { transport, authenticated } = news.remote;
      return `${news.remoteAddress} connected over ${TRANSPORTS[transport]}${authenticated ? ', its certificate verified' : ''}`;
    }
    case 'failed':
      return `${news.remoteAddress} did not get through: ${printable(news.closed.message)}`;
    case 'disconnected':
      return news.hosts.length === 0
        ? `${news.remoteAddress} is gone without having announced a host: ${printable(news.closed.message)}`
        : `${hosts(news.hosts)} gone: ${printable(news.closed.message)}`;
    case 'suspect':
      return `${news.remoteAddress} ${news.suspect ? 'has fallen silent' : 'speaks again'}`;
    case 'problem':
      return `${news.remoteAddress}: ${printable(news.problem)}`;
    case 'malformed':
      return `not understood: ${printable(news.problem)}`;
    case 'announced':
      // V5's hosts repeat themselves each minute.
      if (news.again && news.host.helloId !== undefined) return undefined;
      return `host ${formatHost(news.host)} announced itself${news.again ? ' again' : ''} from ${news.remoteAddress}`;
    case 'details':
      return `host ${printable(news.host)} is ${printable(news.hostname)}, version ${printable(news.version)}`;
    case 'requested':
      return `asked ${printable(news.host)} ${formatQuery(news.query)}`;
    case 'unsubscribed':
      return `told ${printable(news.host)} to stop ${printable(news.query.sql)}`;
    case 'notice':
      return `host ${printable(news.host)} says (${news.level}): ${printable(news.text)}`;
    case 'gap':
      return news.rows === 0n
        ? `host ${printable(news.host)} may have lost rows: ${printable(news.reason)}`
        : `host ${printable(news.host)} lost ${news.rows} rows (numbers ${news.first} to ${news.last}): ${printable(news.reason)}`;
    case 'farewell':
      return `host ${printable(news.host)} says goodbye`;
    case 'rowsSent':
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
  'tls-anonymous': 'anonymous TLS (encrypted, nobody proved who it is)',
  ws: 'WebSocket',
  wss: 'WebSocket and TLS',
  'wss-anonymous': 'WebSocket and anonymous TLS (encrypted, nobody proved who it is)',
  nats: 'NATS',
};

function hosts(ids: readonly string[]): string {
  return ids.length === 1
    ? `host ${printable(ids[0] ?? '')} is`
    : `hosts ${ids.map(printable).join(', ')} are`;
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
  const how = interval === undefined ? 'once' : `every ${interval} s for ${ROWS[updateType]}`;
  return `${how}: ${printable(sql)} (event ${printable(event)})`;
}

const ROWS: Readonly<Record<BroQuery['updateType'], string>> = {
  ADDED: 'rows that come',
  REMOVED: 'rows that go',
  BOTH: 'rows that come or go',
  SNAPSHOT: 'all rows',
};
