import type { AddressData, SubnetData } from './data.ts';

/**
 * The textual IP address as Broker holds it (16 bytes, IPv4 as ::ffff:a.b.c.d), undefined for anything else: a zone
 * (`fe80::1%eth0`), an empty text, leading zeros. Nothing unparsed may reach a Zeek: older ones end on a malformed address.
 *
 * Own code: it runs for each address of each row. ipaddr.js 2 takes more than ten times as long, and accepts
 * `::0010.1.2.3`, which neither Node nor Zeek does; both print addresses alike.
 */
export function parseIpAddress(text: string): AddressData | undefined {
  if (text.length > 45) return undefined;
  const v4 = parseV4(text);
  if (v4)
    return { type: 'address', bytes: Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...v4]) };
  const bytes = parseV6(text);
  return bytes && { type: 'address', bytes: Uint8Array.from(bytes) };
}

/** Those of the texts that are IP addresses, each once, in order. */
export function ipAddresses(texts: readonly string[]): readonly AddressData[] {
  const byBytes = new Map<string, AddressData>();
  for (const text of texts) {
    const address = parseIpAddress(text);
    if (address) byBytes.set(address.bytes.join(), address);
  }
  return [...byBytes.values()];
}

function parseV4(text: string): number[] | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part))) return undefined;
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte <= 0xff) ? bytes : undefined;
}

function parseV6(text: string): number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0] ?? '', halves.length === 1);
  if (!head) return undefined;
  if (halves.length === 1) return head.length === 16 ? head : undefined;
  const tail = groupsOf(halves[1] ?? '', true);
  if (!tail || head.length + tail.length > 14) return undefined;
  return [...head, ...new Array<number>(16 - head.length - tail.length).fill(0), ...tail];
}

/** Colon-separated groups of 16 bits as bytes; the last may be dotted IPv4 where the address ends here. */
function groupsOf(text: string, atEnd: boolean): number[] | undefined {
  if (text === '') return [];
  const groups = text.split(':');
  const bytes: number[] = [];
  for (const [index, group] of groups.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(group)) {
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
      continue;
    }
    const v4 = atEnd && index === groups.length - 1 ? parseV4(group) : undefined;
    if (!v4) return undefined;
    bytes.push(...v4);
  }
  return bytes;
}

/** The address as text: IPv4 in dots, IPv6 with its longest run of zero groups cut (RFC 5952). */
export function formatIpAddress(address: AddressData): string {
  return isV4(address.bytes) ? address.bytes.slice(12).join('.') : formatV6(address.bytes);
}

/** `network/length`, undefined for anything else. The network's host bits stay as they are. */
export function parseSubnet(text: string): SubnetData | undefined {
  const [network = '', digits = '', ...more] = text.split('/');
  const address = parseIpAddress(network);
  if (!address || more.length > 0 || !/^(0|[1-9]\d{0,2})$/.test(digits)) return undefined;
  const v4 = !network.includes(':');
  const length = Number(digits) + (v4 ? 96 : 0);
  return length <= 128 ? { type: 'subnet', bytes: address.bytes, length } : undefined;
}

/** The subnet as text; of an IPv4 network with IPv4's prefix length. */
export function formatSubnet(subnet: SubnetData): string {
  if (!isV4(subnet.bytes)) return `${formatV6(subnet.bytes)}/${subnet.length}`;
  const dotted = subnet.bytes.slice(12).join('.');
  // A network wider than all of IPv4 can't be said in IPv4's terms.
  return subnet.length < 96 ? `::ffff:${dotted}/${subnet.length}` : `${dotted}/${subnet.length - 96}`;
}

function isV4(bytes: Uint8Array): boolean {
  return bytes.every((byte, index) => index >= 12 || byte === (index < 10 ? 0 : 0xff));
}

function formatV6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, index) =>
    (((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0)).toString(16),
  );
  const runs = groups.map((_, from) => {
    const end = groups.findIndex((group, index) => index >= from && group !== '0');
    return { from, length: (end < 0 ? 8 : end) - from };
  });
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), { from: 0, length: 1 });
  if (longest.length < 2) return groups.join(':');
  const head = groups.slice(0, longest.from).join(':');
  return `${head}::${groups.slice(longest.from + longest.length).join(':')}`;
}

/** Whether an address is in a subnet; not if either is no such thing. */
export function isInSubnet(address: string, subnet: string): boolean {
  const one = parseIpAddress(address);
  const range = parseSubnet(subnet);
  if (!one || !range) return false;
  return one.bytes.every((byte, at) => {
    const bits = Math.max(0, Math.min(8, range.length - at * 8));
    const mask = (0xff << (8 - bits)) & 0xff;
    return (byte & mask) === ((range.bytes[at] ?? 0) & mask);
  });
}
