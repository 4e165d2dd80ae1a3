import type { LinkEvent } from './host-link.ts';
import type { AnnouncedHost, BroQuery, HostMessage } from './model.ts';

/** What happens at a Bro. `again`: it has announced itself before over the same connection. */
export type BroEvent =
  | LinkEvent
  | Exclude<HostMessage, { readonly type: 'announced' }>
  | {
      readonly type: 'announced';
      readonly host: AnnouncedHost;
      readonly remoteAddress: string;
      readonly again: boolean;
    }
  /** Hosts over two connections announce one id: their rows can't be told apart. */
  | {
      readonly type: 'duplicateHost';
      readonly host: string;
      readonly remoteAddresses: readonly string[];
    }
  | { readonly type: 'requested'; readonly host: string; readonly query: BroQuery }
  | { readonly type: 'unsubscribed'; readonly host: string; readonly query: BroQuery };
