import type { Entry } from './entries.ts';
import type { History } from './history.ts';

/** Finds records of the log and messages by their text, which holds the SQL of queries. What was searched is not searched again. */
export class Search {
  #wanted = '';
  #hits: number[] = [];
  #searched = 0;
  #first: Entry | undefined;

  /** Indices of the entries that contain the text, whatever its case; none for an empty text. */
  hits(history: History, text: string): readonly number[] {
    const wanted = text.trim().toLowerCase();
    const first = history.at(0);
    // Older entries were discarded: indices are others now.
    if (wanted !== this.#wanted || first !== this.#first || history.length < this.#searched) {
      this.#wanted = wanted;
      this.#first = first;
      this.#hits = [];
      this.#searched = 0;
    }
    if (wanted === '') return [];
    for (; this.#searched < history.length; this.#searched += 1) {
      const entry = history.at(this.#searched);
      if (entry && textOf(entry).toLowerCase().includes(wanted)) this.#hits.push(this.#searched);
    }
    return this.#hits;
  }
}

function textOf(entry: Entry): string {
  if (entry.kind === 'fact') return `${entry.type} ${entry.words} ${entry.cause} ${entry.detail}`;
  return entry.kind === 'message' ? `${entry.type} ${entry.subject} ${entry.detail}` : '';
}
