import { z } from 'zod';
import type { ActivityFacts, HostFacts, Item, QueryFacts, ZeekFacts } from './model.ts';

/** What a Zeek says in JSON (`to_json` of its records: times and intervals in seconds, what is unset left out). */

const texts = z.array(z.string()).catch([]);
const number = z.number().catch(0);
const unknownNumber = z.number().nullable().catch(null);

const zeek = z.object({
  package: z.string().catch(''),
  name: z.string().catch(''),
  queries: z.boolean().catch(false),
  subscriptions: z.boolean().catch(false),
  max_rows: number,
  max_hosts: number,
  min_interval: number,
});

const host = z.object({
  id: z.string(),
  name: z.string().catch(''),
  addresses: texts,
  groups: texts,
  platform: z.string().catch(''),
  os: z.string().catch(''),
  version: z.string().catch(''),
  connected: z.boolean().catch(false),
  since: unknownNumber,
  last_seen: number,
  gateway: z.string().catch(''),
  rows: unknownNumber,
  rate: unknownNumber,
  lag: unknownNumber,
  warnings: number,
});

const query = z.object({
  event_name: z.string().catch(''),
  update: z.string().catch(''),
  interval_seconds: number,
  target: z.string().catch(''),
  wanted_by: texts,
  rows: unknownNumber,
});

const activity = z.object({
  hosts: number,
  connected: number,
  gateways: number,
  consoles: number,
  subscriptions: number,
  rows: unknownNumber,
  warnings: number,
  lag_median: unknownNumber,
  lag_most: unknownNumber,
});

/** Each undefined where the item's detail can't be read. */
export function zeekFacts({ detail }: Item): ZeekFacts | undefined {
  const facts = parsed(zeek, detail);
  return (
    facts && {
      ...{ package: facts.package, name: facts.name, queries: facts.queries },
      ...{ subscriptions: facts.subscriptions, maxRows: facts.max_rows, maxHosts: facts.max_hosts },
      minInterval: facts.min_interval,
    }
  );
}

export function hostFacts({ detail }: Item): HostFacts | undefined {
  const facts = parsed(host, detail);
  if (!facts) return undefined;
  const { last_seen, since, addresses, groups, ...others } = facts;
  return {
    ...others,
    addresses: addresses.toSorted(),
    groups: groups.toSorted(),
    since: since === null ? null : milliseconds(since),
    lastSeen: milliseconds(last_seen),
  };
}

export function queryFacts({ text, detail }: Item): QueryFacts | undefined {
  const facts = parsed(query, detail);
  return (
    facts && {
      ...{ sql: text, event: facts.event_name, update: facts.update, interval: facts.interval_seconds },
      ...{ target: facts.target, wantedBy: facts.wanted_by, rows: facts.rows },
    }
  );
}

export function activityFacts({ detail }: Item): ActivityFacts | undefined {
  const facts = parsed(activity, detail);
  if (!facts) return undefined;
  const { lag_median, lag_most, rows, ...others } = facts;
  const known = (value: number | null) => (value === null || value < 0 ? null : value);
  return { ...others, rows: known(rows), lagMedian: known(lag_median), lagMost: known(lag_most) };
}

function milliseconds(seconds: number): number {
  return Math.round(seconds * 1_000);
}

function parsed<T>(schema: z.ZodType<T>, json: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(json)).data;
  } catch {
    return undefined;
  }
}

/** The same as JSON, for who takes a Zeek's place. */
export function hostDetail(facts: HostFacts): string {
  const { since, lastSeen, lag, rows, rate, ...others } = facts;
  return JSON.stringify({
    ...others,
    ...(rows !== null && { rows }),
    ...(rate !== null && { rate }),
    ...(since !== null && { since: since / 1_000 }),
    last_seen: lastSeen / 1_000,
    ...(lag !== null && { lag }),
  });
}

export function zeekDetail(facts: ZeekFacts): string {
  return JSON.stringify({
    ...{ package: facts.package, name: facts.name, queries: facts.queries },
    ...{ subscriptions: facts.subscriptions, max_rows: facts.maxRows, max_hosts: facts.maxHosts },
    min_interval: facts.minInterval,
  });
}

export function queryDetail(facts: QueryFacts): string {
  return JSON.stringify({
    ...{ event_name: facts.event, update: facts.update, interval_seconds: facts.interval },
    ...{ target: facts.target, wanted_by: facts.wantedBy },
    ...(facts.rows !== null && { rows: facts.rows }),
  });
}

export function activityDetail({ lagMedian, lagMost, rows, ...facts }: ActivityFacts): string {
  return JSON.stringify({ ...facts, rows: rows ?? -1, lag_median: lagMedian ?? -1, lag_most: lagMost ?? -1 });
}
