import type { TableLookup } from './table-access-store.ts';

/** Asks osquery for each table once, until that is to be forgotten: an osqueryd that started anew may have others. */
export class RememberedTables {
  readonly #ask: TableLookup;
  readonly #known = new Map<string, ReturnType<TableLookup>>();

  constructor(ask: TableLookup) {
    this.#ask = ask;
  }

  readonly lookUp: TableLookup = (table) => {
    const known = this.#known.get(table) ?? this.#ask(table);
    this.#known.set(table, known);
    // A question that failed is put again the next time.
    known.catch(() => this.#known.delete(table));
    return known;
  };

  forget(): void {
    this.#known.clear();
  }
}
