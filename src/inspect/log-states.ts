import type { StateValue } from 'xstate';
import type { FactEntry } from './entries.ts';
import { type History, lastUpTo } from './history.ts';

/** Where a Zeek's machine stood as far as facts of the log say so: parts of its state, and the fact that says it. */
export interface ToldState {
  readonly state: StateValue;
  readonly fact: FactEntry;
}

const connected = (sync: 'resyncing' | 'settled'): StateValue => ({
  link: { linked: { peered: { sync } } },
  presence: 'present',
});

/** Of a link that was lost a log does not say whether it is tried again or was refused. */
const STATES: Readonly<Record<string, StateValue>> = {
  BroConnected: connected('resyncing'),
  ResyncCompleted: connected('settled'),
  BroLost: { presence: 'absent' },
  BroExpired: { presence: 'expired' },
  BroRemoved: { presence: 'ended' },
};

/** What an event log, which has no steps of machines, says of them. */
export class LogStates {
  readonly #facts = new Map<string, number[]>();
  #first: unknown;
  #looked = 0;

  /** Ids of the actors of the Zeeks that facts name. */
  actors(history: History): readonly string[] {
    this.#look(history);
    return [...this.#facts.keys()].map((peer) => `peer:${peer}`);
  }

  /** Null where no fact says anything of the actor up to the moment, or it ended with the process. */
  at(history: History, actor: string, moment: number): ToldState | null {
    this.#look(history);
    const indices = this.#facts.get(actor.replace(/^peer:/, '')) ?? [];
    const fact = history.at(indices[lastUpTo(indices, moment)] ?? -1);
    if (fact?.kind !== 'fact') return null;
    const state = STATES[fact.type];
    return state === undefined ? null : { state, fact };
  }

  #look(history: History): void {
    if (history.at(0) !== this.#first || history.facts.length < this.#looked) {
      this.#first = history.at(0);
      this.#looked = 0;
      this.#facts.clear();
    }
    for (; this.#looked < history.facts.length; this.#looked += 1) {
      const index = history.facts[this.#looked] ?? 0;
      const fact = history.at(index);
      if (fact?.kind !== 'fact') continue;
      // With the process all its machines ended, and with the next they begin anew.
      if (/^Extension(Started|Stopped)$/.test(fact.type)) {
        for (const indices of this.#facts.values()) indices.push(index);
      } else if (fact.type in STATES && fact.peer !== '') {
        const indices = this.#facts.get(fact.peer) ?? [];
        this.#facts.set(fact.peer, indices);
        indices.push(index);
      }
    }
  }
}
