import type { Connection } from '../broker/connection.ts';
import type { TopicEvent } from '../broker/zeek-event.ts';
import type { Column, Gap, Notice, Query, SentRows, VocabularyId } from '../vocabulary/model.ts';

/** A Bro that is there, for whoever has something to say to it. */
export interface BroLink {
  readonly peer: string;
  readonly connection: Connection;
  /** Version of our own Zeek package there, as it declared it; empty if it has not. */
  readonly packageVersion: () => string;
  /** Says it in the vocabulary of the query that it is about, else in those that the Bro speaks. */
  readonly tell: (notice: Notice) => Promise<void>;
  /** Resolves with whether there are words for it, since no vocabulary may be known; rejects without a connection. */
  readonly tellGap: (gap: Gap) => Promise<boolean>;
  /** Asks the Bro's scripts to acknowledge what came before; undefined where they can't. */
  readonly marker: (sent: SentRows) => TopicEvent | undefined;
  /** Says that a run of rows begins; undefined for a Bro whose scripts don't count them. */
  readonly beginning: (run: number) => TopicEvent | undefined;
  /** Tells the Bro how the query's columns are called; undefined where it doesn't want to know. */
  readonly columnNames: (query: Query, columns: readonly Column[]) => TopicEvent | undefined;
  readonly vocabulariesSpoken: () => readonly VocabularyId[];
}

/** The Bros that are there, by configured address. */
export class BroLinks {
  readonly #links = new Map<string, BroLink>();

  add(link: BroLink): void {
    this.#links.set(link.peer, link);
  }

  remove(link: BroLink): void {
    if (this.#links.get(link.peer) === link) this.#links.delete(link.peer);
  }

  find(peer: string): BroLink | undefined {
    return this.#links.get(peer);
  }

  /** Says it to each Bro that is there. */
  tellAll(notice: Notice): void {
    for (const link of this.#links.values()) link.tell(notice).catch(() => {});
  }

  all(): readonly BroLink[] {
    return [...this.#links.values()];
  }
}
