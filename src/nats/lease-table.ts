import { z } from 'zod';
import { type LeasePlan, planLeases } from './lease-plan.ts';

/** Hosts are divided among so many partitions, and partitions among gateways. Hosts and gateways must agree on it. */
export const PARTITIONS = 16;

const member = z.object({
  name: z.string(),
  version: z.string(),
  /** The incarnation of the Zeek that it is connected to. */
  zeek: z.string(),
  /** Grows while it is alive. */
  beat: z.number(),
});

const table = z.object({
  partitions: z.number(),
  /** Leases given so far: each has a number of its own. */
  given: z.number(),
  gateways: z.record(z.string(), member),
  leases: z.record(z.string(), z.object({ owner: z.string(), lease: z.number() })),
});

/** Which gateways there are, and which of them serves which partition: one document, changed by compare and set. */
export type LeaseTable = z.infer<typeof table>;
export type LeaseMember = z.infer<typeof member>;

export const NO_LEASES: LeaseTable = { partitions: PARTITIONS, given: 0, gateways: {}, leases: {} };

/** @throws Error if it is no such document, or of a version that divides hosts otherwise */
export function readLeaseTable(text: string): LeaseTable {
  const read = table.safeParse(JSON.parse(text));
  if (!read.success) throw new Error(`it holds no table of leases (${read.error.issues[0]?.path.join('.')})`);
  if (read.data.partitions !== PARTITIONS)
    throw new Error(
      `it divides hosts into ${read.data.partitions} partitions, this version into ${PARTITIONS}`,
    );
  return read.data;
}

export interface LeaseTurn {
  readonly self: string;
  readonly member: Omit<LeaseMember, 'beat'>;
  /** Gateways whose beat has not stood still for too long. */
  readonly alive: ReadonlySet<string>;
  /** The partitions that this gateway serves, by its own knowledge, and their leases. */
  readonly serving: ReadonlyMap<number, number>;
  /** Those that it serves no longer, to be given back. */
  readonly givenBack: ReadonlySet<number>;
}

/** What a gateway is to make of the table. */
export interface LeaseStep {
  readonly table: LeaseTable;
  /** Leases that it has once the table is written. */
  readonly taken: ReadonlyMap<number, number>;
  /** To be drained, and given back then. */
  readonly release: readonly number[];
  /** Partitions that it serves, and another has by now. */
  readonly lost: readonly number[];
}

export function nextTable(before: LeaseTable, turn: LeaseTurn): LeaseStep {
  const { self, member: own, serving, givenBack } = turn;
  const alive = new Set([...turn.alive, self]);
  const owners = new Map<number, string>();
  const leases: LeaseTable['leases'] = {};
  const lost: number[] = [];
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    const found = before.leases[partition];
    const isOurs = found?.owner === self && serving.get(partition) === found.lease;
    if (serving.has(partition) && !isOurs) lost.push(partition);
    if (!found || !alive.has(found.owner) || givenBack.has(partition)) continue;
    // A lease of ours that we don't serve is of no use to anybody.
    if (found.owner === self && !isOurs) continue;
    owners.set(partition, found.owner);
    leases[partition] = found;
  }
  const { take, release }: LeasePlan = planLeases({ self, alive, owners, partitions: PARTITIONS });
  const taken = new Map<number, number>();
  let { given } = before;
  for (const partition of take) {
    given += 1;
    taken.set(partition, given);
    leases[partition] = { owner: self, lease: given };
  }
  const gateways: LeaseTable['gateways'] = {};
  for (const [id, other] of Object.entries(before.gateways)) if (alive.has(id)) gateways[id] = other;
  gateways[self] = { ...own, beat: (before.gateways[self]?.beat ?? 0) + 1 };
  return { table: { partitions: PARTITIONS, given, gateways, leases }, taken, release, lost };
}

/** The table without a gateway that ends. */
export function withoutGateway(before: LeaseTable, self: string): LeaseTable {
  const keep = <T>(record: Record<string, T>, wanted: (key: string, value: T) => boolean) =>
    Object.fromEntries(Object.entries(record).filter(([key, value]) => wanted(key, value)));
  return {
    ...before,
    gateways: keep(before.gateways, (id) => id !== self),
    leases: keep(before.leases, (_, { owner }) => owner !== self),
  };
}
