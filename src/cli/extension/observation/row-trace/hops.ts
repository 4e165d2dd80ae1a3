import { z } from 'zod';
import type { DeliveryCounts } from '../../../../delivery/delivery-counts.ts';
import { localSocket } from '../../../../text/local-socket.ts';

/** The way of a test row, in its order: from osqueryd's schedule to the Zeek's confirmation. */
export const HOPS = [
  'schedule',
  'scheduler',
  'log call',
  'journal',
  'encoding',
  'link',
  'confirmation',
] as const;
export type HopName = (typeof HOPS)[number];

/** What the extension says of one hop of one Zeek's test row, a line of JSON each. */
export const hopReport = z.object({
  /** Address of the Zeek; empty where it is about the host as a whole. */
  peer: z.string(),
  hop: z.enum(HOPS),
  ok: z.boolean(),
  /** Since the beginning. */
  milliseconds: z.number().nonnegative(),
  /** What happened, or why it did not. */
  text: z.string(),
  /** What to do where it did not; else empty. */
  advice: z.string(),
});
export type HopReport = z.infer<typeof hopReport>;

/** Where an extension is asked for it, by its state directory; the one word that is said. */
export const traceRowSocket = (stateDirectory: string): string =>
  localSocket(stateDirectory, 'trace-row', process.platform);
export const TRACE_ROW = 'trace-row\n';

/** What is known of a test row's way. */
export interface Sight {
  /** Whether osqueryd says that it has run the query. */
  readonly ran: boolean;
  /** Undefined before any of its rows came. */
  readonly counts: DeliveryCounts | undefined;
}

/** The hops that are behind the row, from the second on. */
export function passed({ ran, counts }: Sight): readonly HopName[] {
  if (!counts || counts.taken === 0) return ran ? ['scheduler'] : [];
  const { taken, refused, sent, confirmed } = counts;
  const hops: HopName[] = ['scheduler', 'log call'];
  if (taken > refused) hops.push('journal');
  if (sent > 0) hops.push('encoding', 'link');
  if (confirmed > 0) hops.push('confirmation');
  return hops;
}

/** Why the row can't get any further; undefined while it may. */
export function obstacle({ counts }: Sight): { readonly hop: HopName; readonly why: string } | undefined {
  if (!counts || counts.taken === 0) return undefined;
  const { taken, refused, skipped, dropped } = counts;
  if (refused === taken) return { hop: 'journal', why: 'the journal did not take it' };
  if (dropped > 0) return { hop: 'link', why: 'it was dropped: the journal is full' };
  const [reason] = Object.keys(skipped);
  return reason === undefined ? undefined : { hop: 'encoding', why: `it was not to be sent: ${reason}` };
}

/** What it means that a hop was not reached in time, and what to do. */
export const UNREACHED: Readonly<Record<HopName, readonly [why: string, advice: string]>> = {
  schedule: ['osqueryd did not take the test query', "see osqueryd's log"],
  scheduler: [
    'osqueryd has the test query in its schedule and did not run it',
    'its scheduler runs one query after the other: a slow one may hold it up (osquery_schedule: wall_time_ms), or it has stopped; see its log',
  ],
  'log call': [
    'osqueryd has run the test query and did not call the logger of this extension',
    "check --logger_plugin: it has to name bro, and none of its loggers may hang; see osqueryd's log",
  ],
  journal: [
    'the row is not in the journal',
    'check the disk of the state directory; `bro-osquery status` has the reason',
  ],
  encoding: ['the row was not made an event', 'the log (area delivery) has the reason'],
  link: [
    'the row was not sent: rows that came before it wait, or the connection takes nothing',
    'the Zeek may be overloaded: `bro-osquery status` tells how many rows wait for it',
  ],
  confirmation: [
    'the Zeek did not confirm the row',
    'it may be overloaded, or its scripts hang: see its log, and `bro-osquery status` for the rows that wait',
  ],
};
