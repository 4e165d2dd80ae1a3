/** Where the denylist is kept, so that it survives the death that filled it. */
export interface SettingStore {
  setting(name: string): string | undefined;
  setSetting(name: string, value: string): void;
}

/** Seconds that a query stays away from the schedule. */
const DENIED_FOR = 86_400;

const EXECUTING = 'executing_query';
const DENYLIST = 'denylist';

/**
 * Queries during which osqueryd died: the name of the running query is kept while it runs, and under the watchdog a
 * name found there at the next start is left out of the schedule for a day, unless the query says `"denylist": false`.
 */
export class Denylist {
  readonly #store: SettingStore;
  readonly #until: Map<string, number>;
  readonly #told = new Set<string>();

  constructor(store: SettingStore) {
    this.#store = store;
    this.#until = new Map(JSON.parse(store.setting(DENYLIST) ?? '[]') as [string, number][]);
  }

  /** Denies the query that was running when osqueryd died, if there is a watchdog to die by. @returns its name */
  takeOver(now: number, isWatched: boolean): string | undefined {
    const name = this.#store.setting(EXECUTING);
    if (name === undefined || name === '') return undefined;
    if (isWatched) {
      this.#until.set(name, now + DENIED_FOR);
      this.#store.setSetting(DENYLIST, JSON.stringify([...this.#until]));
    }
    this.finished();
    return name;
  }

  started(name: string): void {
    this.#store.setSetting(EXECUTING, name);
  }

  finished(): void {
    this.#store.setSetting(EXECUTING, '');
  }

  /** Whether it has not been said yet that the query is left out; from now on it has. */
  isNews(name: string): boolean {
    const isNews = !this.#told.has(name);
    this.#told.add(name);
    return isNews;
  }

  isDenied(name: string, now: number): boolean {
    return (this.#until.get(name) ?? 0) > now;
  }
}
