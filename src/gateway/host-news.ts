import type { Closed } from '../broker/connection.ts';

/** What becomes known of hosts, for the log. */
export type HostNews =
  | { readonly type: 'up'; readonly host: string; readonly from: string; readonly authenticated: boolean }
  | { readonly type: 'down'; readonly host: string; readonly closed: Closed }
  | { readonly type: 'failed'; readonly from: string; readonly closed: Closed }
  | { readonly type: 'refused'; readonly host: string; readonly reason: string }
  | { readonly type: 'replaced'; readonly host: string; readonly from: string; readonly before: string }
  /** Two hosts live with one id; `from` was refused. */
  | { readonly type: 'duplicate'; readonly host: string; readonly from: string; readonly other: string };
