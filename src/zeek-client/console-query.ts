import { isInSubnet } from '../broker/ip-address.ts';
import type { Audience, HostFacts, Question } from '../console/model.ts';
import { CONSOLE_ROW } from '../vocabulary/console-query.ts';
import type { BroQuery, Target } from './model.ts';

/** A console's query that a Bro has asked. */
export interface RunningQuery {
  readonly client: string;
  readonly request: string;
  readonly question: Question;
  readonly asked: ReadonlySet<string>;
  readonly answered: Set<string>;
  rows: number;
}

/** Whether a host is meant: by its id, a group that it is in or below, or an address in a subnet. */
export function isMeantBy(host: HostFacts, audience: Audience): boolean {
  const { hosts, groups, subnets } = audience;
  if (hosts.length + groups.length + subnets.length === 0 || hosts.includes(host.id)) return true;
  if (groups.some((group) => host.groups.includes(group))) return true;
  return host.addresses.some((address) => subnets.some((subnet) => isInSubnet(address, subnet)));
}

/** Whom to address: a subnet has no topic, so its hosts are addressed one by one. */
export function targetsOf(question: Question, bySubnet: readonly string[]): Target[] {
  const { hosts, groups, subnets } = question;
  if (hosts.length + groups.length + subnets.length === 0) return [{ to: 'all' }];
  const ids = new Set([...hosts, ...bySubnet]);
  return [
    ...[...ids].map((host): Target => ({ to: 'host', host })),
    ...groups.map((group): Target => ({ to: 'group', group })),
  ];
}

/** The query as hosts are asked it. */
export function broQueryOf(
  request: string,
  { sql, interval, updateType }: Question,
  target: Target,
): BroQuery {
  return {
    ...{ id: `${request} ${JSON.stringify(target)}`, sql, event: CONSOLE_ROW, cookie: request },
    updateType: interval > 0 ? updateType : 'SNAPSHOT',
    initialRows: true,
    interval: interval > 0 ? interval : undefined,
    target,
  };
}
