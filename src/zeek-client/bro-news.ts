import type { LinkNews } from './host-link.ts';
import type { AnnouncedHost, BroQuery, Heard } from './words.ts';

/** What happens at a Bro. `again`: it has announced itself before over the same connection. */
export type BroNews =
  | LinkNews
  | Exclude<Heard, { readonly type: 'announced' }>
  | {
      readonly type: 'announced';
      readonly host: AnnouncedHost;
      readonly remoteAddress: string;
      readonly again: boolean;
    }
  | { readonly type: 'asked'; readonly host: string; readonly query: BroQuery }
  | { readonly type: 'unasked'; readonly host: string; readonly query: BroQuery };
