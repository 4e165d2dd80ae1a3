import { networkInterfaces } from 'node:os';
import { columns, type Table, type TableRow } from '../sql/table.ts';
import { listDirectory, readText, realPath } from './proc.ts';

/** Flags of an interface (if.h). */
const FLAG = { broadcast: 0x2, running: 0x40, lowerUp: 0x10000 } as const;

/** osquery's `interface_addresses`. */
export const interfaceAddresses: Table = {
  name: 'interface_addresses',
  attributes: 2,
  columns: columns(
    'interface TEXT',
    'address TEXT',
    'mask TEXT',
    'broadcast TEXT',
    'point_to_point TEXT',
    'type TEXT',
    'friendly_name TEXT hidden',
  ),
  generate: () => {
    const all = Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
      (addresses ?? []).map((address) => ({ name, address })),
    );
    // getifaddrs lists all IPv4 addresses before the IPv6 ones.
    return ['IPv4', 'IPv6'].flatMap((family) =>
      all
        .filter(({ address }) => address.family === family)
        .map(({ name, address }): TableRow => {
          const scoped = address.scopeid ? `${address.address}%${name}` : address.address;
          const own = { interface: name, address: scoped, mask: address.netmask, type: 'unknown' };
          if (family === 'IPv6') return { ...own, broadcast: '', point_to_point: '' };
          return isBroadcast(name)
            ? { ...own, broadcast: broadcastAddress(address.address, address.netmask), point_to_point: '' }
            : { ...own, broadcast: '', point_to_point: address.address };
        }),
    );
  },
};

/** osquery's `interface_details`, from /sys/class/net. */
export const interfaceDetails: Table = {
  name: 'interface_details',
  attributes: 2,
  columns: columns(
    'interface TEXT',
    'mac TEXT nocase',
    'type INTEGER',
    'mtu INTEGER',
    'metric INTEGER',
    'flags INTEGER',
    'ipackets BIGINT',
    'opackets BIGINT',
    'ibytes BIGINT',
    'obytes BIGINT',
    'ierrors BIGINT',
    'oerrors BIGINT',
    'idrops BIGINT',
    'odrops BIGINT',
    'collisions BIGINT',
    'last_change BIGINT',
    'link_speed BIGINT',
    'pci_slot TEXT',
    ...['friendly_name', 'description', 'manufacturer', 'connection_id', 'connection_status'].map(
      (name) => `${name} TEXT hidden`,
    ),
    ...['enabled', 'physical_adapter', 'speed'].map((name) => `${name} INTEGER hidden`),
    'service TEXT hidden',
    'dhcp_enabled INTEGER hidden',
    ...['dhcp_lease_expires', 'dhcp_lease_obtained', 'dhcp_server', 'dns_domain'].map(
      (name) => `${name} TEXT hidden`,
    ),
    ...['dns_domain_suffix_search_order', 'dns_host_name', 'dns_server_search_order'].map(
      (name) => `${name} TEXT hidden`,
    ),
  ),
  generate: () =>
    listDirectory('/sys/class/net')
      .filter((name) => readText(`/sys/class/net/${name}/ifindex`) !== undefined)
      .sort((a, b) => number(a, 'ifindex') - number(b, 'ifindex'))
      .map((name) => ({
        interface: name,
        mac: fact(name, 'address'),
        type: number(name, 'type') & 0xff,
        mtu: number(name, 'mtu'),
        metric: 0,
        flags: interfaceFlags(name),
        ...statistics(name),
        last_change: -1,
        link_speed: Math.max(0, number(name, 'speed')),
        pci_slot: pciSlot(name),
      })),
};

const STATISTICS = {
  ipackets: 'rx_packets',
  opackets: 'tx_packets',
  ibytes: 'rx_bytes',
  obytes: 'tx_bytes',
  ierrors: 'rx_errors',
  oerrors: 'tx_errors',
  idrops: 'rx_dropped',
  odrops: 'tx_dropped',
  collisions: 'collisions',
} as const;

/** Counters as rtnl_link_stats has them: 32 bits wide. */
function statistics(name: string): TableRow {
  return Object.fromEntries(
    Object.entries(STATISTICS).map(([column, file]) => [
      column,
      BigInt.asUintN(32, BigInt(fact(name, `statistics/${file}`) || 0)),
    ]),
  );
}

/** sysfs leaves out what the kernel tells of the carrier. */
function interfaceFlags(name: string): number {
  const carrier = fact(name, 'carrier') === '1' ? FLAG.running | FLAG.lowerUp : 0;
  return Number(fact(name, 'flags') || 0) | carrier;
}

function isBroadcast(name: string): boolean {
  return (interfaceFlags(name) & FLAG.broadcast) !== 0;
}

function broadcastAddress(address: string, mask: string): string {
  const bits = mask.split('.').map(Number);
  return address
    .split('.')
    .map((part, at) => (Number(part) | (~(bits[at] ?? 255) & 0xff)).toString())
    .join('.');
}

/** The bus address of the device behind the interface; the loopback has no driver to ask. */
function pciSlot(name: string): string {
  const device = realPath(`/sys/class/net/${name}/device`);
  const slots = [...device.matchAll(/[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f]/g)];
  return slots.at(-1)?.[0] ?? (name === 'lo' ? '-1' : '');
}

function fact(name: string, file: string): string {
  return (readText(`/sys/class/net/${name}/${file}`) ?? '').trim();
}

function number(name: string, file: string): number {
  return Number(fact(name, file) || 0);
}
