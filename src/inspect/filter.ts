import type { Entry } from './entries.ts';
import type { History } from './history.ts';
import { markOf } from './severity.ts';

/** Which events lists show; empty texts: all. */
export interface Filter {
  /** `trouble`: warnings and errors. */
  readonly severity: '' | 'trouble' | 'error';
  /** Address of a Zeek. */
  readonly zeek: string;
  /** A part of an event's type, or of a query's name. */
  readonly type: string;
}

export const NO_FILTER: Filter = { severity: '', zeek: '', type: '' };

export function isFiltering({ severity, zeek, type }: Filter): boolean {
  return severity !== '' || zeek !== '' || type !== '';
}

/** Tells which entries a filter lets through. */
export function passes({ severity, zeek, type }: Filter): (entry: Entry) => boolean {
  const wanted = type.trim().toLowerCase();
  return (entry) => {
    if (severity !== '') {
      const mark = markOf(entry);
      if (!mark || (severity === 'error' && mark.severity !== 'error')) return false;
    }
    if (zeek !== '' && zeekOf(entry) !== zeek) return false;
    if (wanted === '') return true;
    return typeOf(entry).toLowerCase().includes(wanted) || queryOf(entry).toLowerCase().includes(wanted);
  };
}

function zeekOf(entry: Entry): string {
  if (entry.kind === 'step') return entry.actor.startsWith('peer:') ? entry.actor.slice(5) : '';
  return entry.kind === 'rows' ? '' : entry.peer;
}

function typeOf(entry: Entry): string {
  if (entry.kind === 'step') return entry.event;
  return entry.kind === 'rows' ? '' : entry.type;
}

function queryOf(entry: Entry): string {
  return entry.kind === 'fact' || entry.kind === 'message' ? entry.query : '';
}

/** Those of a list of indices whose entries are wanted. What was looked at is not looked at again when others follow. */
export class FilteredIndices {
  #key = '';
  #first: Entry | undefined;
  #looked = 0;
  #found: number[] = [];

  /** @param key says what is wanted: with another everything is looked at anew */
  of(
    history: History,
    indices: readonly number[],
    { key, accepts }: { readonly key: string; readonly accepts: () => (entry: Entry) => boolean },
  ): readonly number[] {
    const first = history.at(0);
    if (key !== this.#key || first !== this.#first || indices.length < this.#looked) {
      this.#key = key;
      this.#first = first;
      this.#looked = 0;
      this.#found = [];
    }
    if (this.#looked === indices.length) return this.#found;
    const isWanted = accepts();
    for (; this.#looked < indices.length; this.#looked += 1) {
      const index = indices[this.#looked] ?? 0;
      const entry = history.at(index);
      if (entry && isWanted(entry)) this.#found.push(index);
    }
    return this.#found;
  }
}
