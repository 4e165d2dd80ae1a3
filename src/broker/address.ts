import { parseIpAddress } from './ip-address.ts';

/** How a native connection is secured: as a default Zeek offers it (found out), not at all, or by TLS. */
export type NativeSecurity = 'auto' | 'plain' | 'tls';

/** Where a Zeek can be reached, and how. */
export type EndpointAddress =
  | {
      readonly kind: 'native';
      readonly host: string;
      readonly port: number;
      readonly security: NativeSecurity;
    }
  | {
      readonly kind: 'websocket';
      readonly host: string;
      readonly port: number;
      readonly secure: boolean;
      readonly path: string;
    }
  | { readonly kind: 'nats'; readonly host: string; readonly port: number; readonly secure: boolean };

/** Port of Broker's native protocol (`Broker::default_port`). */
export const DEFAULT_PORT = 9999;
/** The one path that Zeek's WebSocket server serves. */
export const WEBSOCKET_PATH = '/v1/messages/json';

const SCHEMES = 'host:port, broker://, brokers://, ws://, wss://, nats:// or tls://';
const NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i;

/** The text is no address of an endpoint; the message says which and why. */
export class AddressError extends Error {
  constructor(text: string, problem: string) {
    // Credentials don't belong there, and a message that repeats them would carry them into the log.
    const shown = text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1…@');
    super(`${JSON.stringify(shown)} is not a valid Zeek address: ${problem}`);
    this.name = 'AddressError';
  }
}

/**
 * Reads `host:port` (native, whatever a default Zeek offers), `broker://host:port` (plain TCP),
 * `brokers://host:port` (TLS), `ws://host:port/v1/messages/json`, `wss://…`, `nats://…`, `tls://…` (NATS over
 * TLS). IPv6 addresses stand in brackets. Ports default to 9999 (native), 80 and 443 (WebSocket), 4222 (NATS).
 * @param options.listening for an address to listen on: port 0 is any free one
 * @throws AddressError
 */
export function parseEndpointAddress(
  text: string,
  options: { readonly listening?: boolean } = {},
): EndpointAddress {
  if (/[\s\p{Cc}]/u.test(text)) throw new AddressError(text, 'it contains whitespace');
  const [, scheme, rest = ''] = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(.*)$/is.exec(text) ?? [];
  const slash = rest.search(/[/?#]/);
  const authority = slash < 0 ? rest : rest.slice(0, slash);
  const path = slash < 0 ? '' : rest.slice(slash);
  if (authority.includes('@')) {
    throw new AddressError(text, 'credentials are not allowed in an address; put them into the settings');
  }
  const least = options.listening ? 0 : 1;
  const at = (port: number) => hostAndPort(text, authority, port, least);
  const native = (security: NativeSecurity): EndpointAddress => {
    if (path !== '' && path !== '/')
      throw new AddressError(text, 'only ws:// and wss:// addresses have a path');
    return { kind: 'native', ...at(DEFAULT_PORT), security };
  };
  const websocket = (secure: boolean): EndpointAddress => {
    if (/[?#]/.test(path)) throw new AddressError(text, 'a query string or fragment is not supported');
    const { host, port } = at(secure ? 443 : 80);
    return {
      kind: 'websocket',
      host,
      port,
      secure,
      path: path === '' || path === '/' ? WEBSOCKET_PATH : path,
    };
  };
  switch (scheme?.toLowerCase()) {
    case undefined:
      return native('auto');
    case 'broker':
      return native('plain');
    case 'brokers':
      return native('tls');
    case 'ws':
      return websocket(false);
    case 'wss':
      return websocket(true);
    case 'nats':
    case 'tls':
      if (path !== '' && path !== '/')
        throw new AddressError(text, 'only ws:// and wss:// addresses have a path');
      return { kind: 'nats', ...at(4222), secure: scheme?.toLowerCase() === 'tls' };
    default:
      throw new AddressError(text, `${scheme}:// is not supported; use ${SCHEMES}`);
  }
}

/** The address in its one spelling: two texts mean the same endpoint exactly if theirs are equal. */
export function formatEndpointAddress(address: EndpointAddress): string {
  const authority = formatHostAndPort(address.host, address.port);
  switch (address.kind) {
    case 'native':
      return { auto: '', plain: 'broker://', tls: 'brokers://' }[address.security] + authority;
    case 'websocket':
      return `${address.secure ? 'wss' : 'ws'}://${authority}${address.path}`;
    case 'nats':
      return `${address.secure ? 'tls' : 'nats'}://${authority}`;
    default:
      return address satisfies never;
  }
}

/** `host:port`, an IPv6 host in brackets. */
export function formatHostAndPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function hostAndPort(
  text: string,
  authority: string,
  defaultPort: number,
  leastPort: number,
): { readonly host: string; readonly port: number } {
  const [, literal, name = '', digits] = /^(?:\[([^\]]*)\]|([^[\]:]*))(?::([^:]*))?$/.exec(authority) ?? [];
  if (literal === undefined && name === '') {
    const colons = authority.split(':').length - 1;
    throw new AddressError(
      text,
      colons > 1 ? 'an IPv6 address must be in brackets, as in [::1]:9999' : 'the host is missing',
    );
  }
  const port = digits === undefined ? defaultPort : /^\d{1,5}$/.test(digits) ? Number(digits) : Number.NaN;
  if (!(port >= leastPort && port <= 65_535)) {
    throw new AddressError(
      text,
      `the port ${JSON.stringify(digits)} is not a number from ${leastPort} to 65535`,
    );
  }
  if (literal !== undefined) {
    const [address = '', zone] = literal.split('%', 2);
    if (
      !address.includes(':') ||
      !parseIpAddress(address) ||
      (zone !== undefined && !/^[\w.-]+$/.test(zone))
    ) {
      throw new AddressError(text, `${literal} is not an IPv6 address`);
    }
    return { host: literal.toLowerCase(), port };
  }
  // What consists of digits and dots would be looked up as a name by mistake.
  if (!NAME.test(name) || (/^[\d.]+$/.test(name) && !parseIpAddress(name))) {
    throw new AddressError(text, `${JSON.stringify(name)} is neither a host name nor an IP address`);
  }
  return { host: name.toLowerCase(), port };
}
