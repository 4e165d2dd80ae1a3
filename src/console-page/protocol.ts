import { z } from 'zod';
import type { AnswerCounts, HostAnswer } from '../console/answers.ts';
import type { HostFacts, Item, QueryFacts, ZeekFacts } from '../console/model.ts';

/** What server and page of the console say to each other, one JSON object a WebSocket message. */

/** A row for the page. Its columns stay JSON: what a host wrote is read where it is shown. */
export interface PageRow {
  readonly host: string;
  readonly hostname: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly change: 'snapshot' | 'added' | 'removed';
  readonly json: string;
}

/** Columns by table, as a host of the platform has them. */
export interface PlatformSchema {
  readonly platform: string;
  readonly host: string;
  readonly tables: Readonly<Record<string, readonly string[]>>;
}

export type FromServer =
  | {
      readonly type: 'hello';
      readonly version: string;
      /** How the Zeek is called. */
      readonly name: string;
      readonly zeek: ZeekFacts;
      /** Whether this page may run queries: the Zeek and whoever started the console allow it. */
      readonly allowed: boolean;
      readonly at: number;
    }
  | { readonly type: 'hosts'; readonly hosts: readonly HostFacts[]; readonly at: number }
  | {
      readonly type: 'host';
      readonly id: string;
      /** Undefined: the Zeek knows no such host. */
      readonly host: HostFacts | undefined;
      readonly queries: readonly QueryFacts[];
      readonly warnings: readonly Pick<Item, 'at' | 'kind' | 'text'>[];
    }
  | { readonly type: 'schema'; readonly schema: PlatformSchema }
  /** What has come of a question since the last of these. */
  | {
      readonly type: 'results';
      readonly ask: number;
      readonly rows: readonly PageRow[];
      readonly counts: AnswerCounts;
    }
  /** The question is over; `problem` is empty where nothing went wrong. */
  | {
      readonly type: 'over';
      readonly ask: number;
      readonly reason: string;
      readonly problem: string;
      readonly hosts: readonly HostAnswer[];
    }
  | { readonly type: 'problem'; readonly text: string };

const ask = z.number().int().nonnegative();
const texts = z.array(z.string().max(1_000)).max(20_000);

const fromPage = z.discriminatedUnion('type', [
  /** The first message. */
  z.object({ type: z.literal('hello'), token: z.string().max(256) }),
  z.object({ type: z.literal('hosts') }),
  z.object({ type: z.literal('host'), id: z.string().max(1_000) }),
  /** The tables of a platform, asked of one of its hosts. */
  z.object({ type: z.literal('schema'), platform: z.string().max(200), host: z.string().max(1_000) }),
  z.object({
    type: z.literal('query'),
    ask,
    sql: z.string().min(1).max(65_536),
    hosts: texts,
    groups: texts,
    where: z.string().max(10_000),
    /** Seconds; 0: once. */
    every: z.number().int().min(0).max(604_800),
    /** Seconds. */
    timeout: z.number().min(1).max(86_400),
  }),
  z.object({ type: z.literal('stop'), ask }),
]);

export type FromPage = z.infer<typeof fromPage>;

/** Reads what a page says; null for what no page says. */
export function parseFromPage(text: string): FromPage | null {
  try {
    return fromPage.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
