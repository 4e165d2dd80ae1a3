import { BoundedTable } from './bounded-table.ts';
import type { LogRow } from './log-row.ts';

/** One end of connections: a program of a host, or an address that is no host's. */
export interface End {
  readonly hid: string | undefined;
  /** Name or id of the host, or the address. */
  readonly host: string;
  readonly process: string;
  readonly user: string;
}

/** Connections from one end to a service at another. */
export interface Talk {
  readonly from: End;
  readonly to: End;
  /** `443/tcp`, with what Zeek found to be spoken there. */
  readonly service: string;
  connections: number;
  bytesOut: number;
  bytesIn: number;
  first: number;
  last: number;
}

const MOST_TALKS = 40_000;

/** Who talks to whom by which program, out of `conn.log` with the package's attribution. */
export class TalkCollector {
  readonly table = new BoundedTable<Talk>(MOST_TALKS, (talk) => talk.connections);
  connections = 0;
  attributed = 0;

  /** @returns the ends that are programs of hosts; undefined where neither is */
  take(row: LogRow, time: number): Talk | undefined {
    this.connections += 1;
    const from = endOf(row, 'orig');
    const to = endOf(row, 'resp');
    if (from.hid === undefined && to.hid === undefined) return undefined;
    this.attributed += 1;
    const port = `${row.text('id.resp_p') ?? '?'}/${row.text('proto') ?? '?'}`;
    const spoken = row.text('service');
    const service = spoken === undefined || spoken === '' ? port : `${port} ${spoken}`;
    const key = JSON.stringify([from, to, service]);
    const talk = this.table.entry(key, () => ({
      from,
      to,
      service,
      connections: 0,
      bytesOut: 0,
      bytesIn: 0,
      first: time,
      last: time,
    }));
    talk.connections += 1;
    talk.bytesOut += row.number('orig_bytes') ?? 0;
    talk.bytesIn += row.number('resp_bytes') ?? 0;
    talk.first = Math.min(talk.first, time);
    talk.last = Math.max(talk.last, time);
    return talk;
  }
}

function endOf(row: LogRow, side: 'orig' | 'resp'): End {
  const hid = row.text(`${side}_hid`);
  const address = row.text(`id.${side}_h`) ?? '';
  if (hid === undefined || hid === '') return { hid: undefined, host: address, process: '', user: '' };
  return {
    hid,
    host: row.text(`${side}_hostname`) || hid,
    process: row.text(`${side}_process`) ?? '',
    user: row.text(`${side}_user`) ?? '',
  };
}
