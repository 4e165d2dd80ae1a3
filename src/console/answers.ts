import type { Item } from './model.ts';

/** What has become of a query on a host. `lost`: it has disconnected meanwhile, and may come back. */
export type HostState = 'asked' | 'answered' | 'failed' | 'absent' | 'lost';

export interface HostAnswer {
  readonly id: string;
  readonly name: string;
  readonly state: HostState;
  /** Rows that have come. */
  readonly rows: number;
  /** Why it failed, or is absent; the last remark otherwise. */
  readonly text: string;
}

export interface AnswerCounts {
  readonly asked: number;
  /** Hosts all of whose rows are here. */
  readonly answered: number;
  readonly failed: number;
  /** Not there to be asked, or gone before they answered. */
  readonly absent: number;
  /** Those that have not answered yet. */
  readonly silent: number;
  readonly rows: number;
  /** Whether all that are asked are known. */
  readonly isAsked: boolean;
  /** Whether nothing more is to be expected. */
  readonly isComplete: boolean;
}

interface Host {
  name: string;
  state: HostState;
  rows: number;
  /** The number of rows that it says it has; undefined: it has not said. */
  expected: number | undefined;
  /** The number of its last row: one that comes again has no higher one. */
  last: number;
  text: string;
}

/** The answers to a query, host by host, as items come. */
export class Answers {
  readonly #hosts = new Map<string, Host>();
  readonly #counts = { answered: 0, failed: 0, absent: 0, lost: 0 };
  #rows = 0;
  #isAsked = false;

  /** Takes an item in. @returns whether it is a row that has not come before */
  take(item: Item): boolean {
    switch (item.kind) {
      case 'asked':
        this.#host(item.host).name = item.text;
        return false;
      case 'all-asked':
        this.#isAsked = true;
        return false;
      case 'row':
      case 'added':
      case 'removed':
        return this.#row(item);
      case 'done': {
        const host = this.#host(item.host);
        host.expected = item.number;
        this.#settle(host);
        return false;
      }
      case 'failed':
      case 'absent':
      case 'lost': {
        const host = this.#host(item.host);
        host.text = item.text;
        this.#turn(host, item.kind);
        return false;
      }
      case 'note':
        this.#host(item.host).text = item.text;
        return false;
      default:
        return false;
    }
  }

  get counts(): AnswerCounts {
    const { answered, failed, absent, lost } = this.#counts;
    const asked = this.#hosts.size;
    const silent = asked - answered - failed - absent - lost;
    return {
      ...{ asked, answered, failed, absent: absent + lost, silent, rows: this.#rows },
      isAsked: this.#isAsked,
      isComplete: this.#isAsked && silent === 0,
    };
  }

  /** The hosts in one of these states, in the order in which they were asked. */
  hosts(...states: readonly HostState[]): readonly HostAnswer[] {
    return [...this.#hosts]
      .filter(([, { state }]) => states.includes(state))
      .map(([id, { name, state, rows, text }]) => ({ id, name, state, rows, text }));
  }

  /** A host's name; its id if it has told none. */
  nameOf(id: string): string {
    return this.#hosts.get(id)?.name || id;
  }

  #row({ host: id, number }: Item): boolean {
    const host = this.#host(id);
    // Delivery is at least once: after a broken connection rows come again, under the same numbers.
    if (number > 0 && number <= host.last) return false;
    host.last = number;
    host.rows += 1;
    this.#rows += 1;
    this.#settle(host);
    return true;
  }

  /** A host has answered once it says so and its rows are here, whichever comes first. */
  #settle(host: Host): void {
    if (host.expected !== undefined && host.rows >= host.expected) this.#turn(host, 'answered');
  }

  #turn(host: Host, state: Exclude<HostState, 'asked'>): void {
    if (host.state === state) return;
    if (host.state !== 'asked') this.#counts[host.state] -= 1;
    host.state = state;
    this.#counts[state] += 1;
  }

  #host(id: string): Host {
    let host = this.#hosts.get(id);
    if (!host) {
      host = { name: '', state: 'asked', rows: 0, expected: undefined, last: 0, text: '' };
      this.#hosts.set(id, host);
    }
    return host;
  }
}
