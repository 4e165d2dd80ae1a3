/** Who serves which partition, as the leases say it; a partition that nobody serves is not in it. */
export type Owners = ReadonlyMap<number, string>;

export interface LeaseSituation {
  /** Who asks. */
  readonly self: string;
  /** All gateways that are alive, `self` among them. */
  readonly alive: ReadonlySet<string>;
  readonly owners: Owners;
  readonly partitions: number;
}

export interface LeasePlan {
  readonly take: readonly number[];
  readonly release: readonly number[];
}

/**
 * What a gateway is to do so that all partitions are served, each gateway has its share, and as few as can be move: it
 * takes partitions that nobody alive serves, up to its share, and lets go of those beyond it where another has too few.
 */
export function planLeases({ self, alive, owners, partitions }: LeaseSituation): LeasePlan {
  const counts = new Map([...alive].map((id) => [id, 0]));
  const own: number[] = [];
  const free: number[] = [];
  for (let partition = 0; partition < partitions; partition += 1) {
    const owner = owners.get(partition);
    if (owner === undefined || !alive.has(owner)) free.push(partition);
    else counts.set(owner, (counts.get(owner) ?? 0) + 1);
    if (owner === self) own.push(partition);
  }
  const most = Math.ceil(partitions / counts.size);
  const least = Math.floor(partitions / counts.size);
  if (free.length > 0) return { take: free.slice(0, Math.max(0, most - own.length)), release: [] };
  const wanting = [...counts.values()].reduce((sum, count) => sum + Math.max(0, least - count), 0);
  const beyond = own.length > most ? own.length - most : own.length > least ? Math.min(1, wanting) : 0;
  return { take: [], release: own.slice(own.length - Math.min(beyond, wanting)) };
}
