import { isInSubnet } from '../../broker/ip-address.ts';
import { hostsWhere } from '../../console/fleet-database.ts';
import { type Audience, EVERYBODY, type HostFacts } from '../../console/model.ts';
import type { ConsoleSession } from '../../console/session-client.ts';

/** Whom the command line means. */
export interface Chosen {
  readonly host: readonly string[];
  readonly group: readonly string[];
  readonly subnet: readonly string[];
  readonly where: string | undefined;
}

/**
 * Whom to ask: hosts may be called by name or id, and a condition is looked up among those that the Zeek knows. Undefined:
 * no host that is connected is meant.
 * @throws ConsoleError, FleetSqlError
 */
export async function audienceOf(
  session: Pick<ConsoleSession, 'hosts'>,
  chosen: Chosen,
): Promise<Audience | undefined> {
  const { host, group, subnet, where } = chosen;
  if (host.length === 0 && where === undefined) return { hosts: [], groups: group, subnets: subnet };
  const all = await session.hosts();
  const hosts = host.flatMap((name) => idsOf(name, all));
  if (where === undefined) return { hosts, groups: group, subnets: subnet };
  const isEverybody = host.length + group.length + subnet.length === 0;
  const connected = all.filter((one) => one.connected);
  const meant = hostsWhere(connected, where).filter(
    ({ id, groups, addresses }) =>
      isEverybody ||
      hosts.includes(id) ||
      groups.some((one) => group.includes(one)) ||
      addresses.some((address) => subnet.some((range) => isInSubnet(address, range))),
  );
  if (meant.length === 0) return undefined;
  // One message to all where all are meant.
  if (meant.length === connected.length) return EVERYBODY;
  return { hosts: meant.map(({ id }) => id), groups: [], subnets: [] };
}

/** An id as it is; else those that have the name. Who is not known is asked for all the same, for the Zeek to say so. */
export function idsOf(name: string, all: readonly HostFacts[]): readonly string[] {
  if (all.some(({ id }) => id === name)) return [name];
  const named = all.filter((host) => host.name.toLowerCase() === name.toLowerCase()).map(({ id }) => id);
  return named.length === 0 ? [name] : named;
}
