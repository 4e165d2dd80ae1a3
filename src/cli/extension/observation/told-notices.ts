import type { Bus } from '../../../bus/bus.ts';
import { SQL_CLIP, type StatusReport } from './status-report.ts';

/** How many are remembered. */
const MOST = 20;
const TEXT_CLIP = 500;

/** Remembers the last errors and warnings that Zeeks were told since the start: refusals above all. */
export class ToldNotices {
  readonly #told: StatusReport['told'][number][] = [];

  constructor(bus: Bus) {
    bus.subscribe(['peer.*.tell'], (message) => {
      if (message.type !== 'peer.tell' || message.notice.level === 'log') return;
      const { level, text, query } = message.notice;
      this.#told.push({
        ...{ at: message.at, peer: message.peer, level },
        ...{ text: text.slice(0, TEXT_CLIP), sql: (query?.sql ?? '').slice(0, SQL_CLIP) },
      });
      if (this.#told.length > MOST) this.#told.shift();
    });
  }

  /** The newest first. */
  latest(): StatusReport['told'] {
    return [...this.#told].reverse();
  }
}
