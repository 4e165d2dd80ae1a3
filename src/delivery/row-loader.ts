import type { TopicEvent } from '../broker/zeek-event.ts';
import { isMalformed } from '../osquery/log-item.ts';
import { ProblemThrottle } from '../text/problem-throttle.ts';
import type { RowEncoder } from '../vocabulary/vocabulary.ts';
import type { Batch } from './batch.ts';
import type { RowCounter } from './delivery-counts.ts';
import type { CourierLimits, CourierPorts, Deliverable } from './ports.ts';
import { isInitial, unwanted } from './row-filter.ts';
import type { QueryResult } from './scanned-entry.ts';

/** A result with what is needed to load its rows. */
export interface Load {
  readonly result: QueryResult;
  readonly counter: RowCounter;
  readonly deliverable: Deliverable;
  readonly initial: boolean;
  readonly encode: RowEncoder;
  /** Whether the row came as an event, when it happened. */
  readonly asEvent: boolean;
}

/** Why a row isn't sent; `problem` is for operators, where something should be fixed. */
interface Skipped {
  readonly skip: string;
  readonly problem?: string;
}

/** Turns rows of one Bro into events, or into reasons why not. */
export class RowLoader {
  readonly #peer: string;
  readonly #ports: CourierPorts;
  readonly #limits: CourierLimits;
  readonly #problems = new Map<string, ProblemThrottle>();

  constructor(peer: string, ports: CourierPorts, limits: CourierLimits) {
    this.#peer = peer;
    this.#ports = ports;
    this.#limits = limits;
  }

  /** @returns undefined if the query has ended meanwhile */
  prepare(result: QueryResult, counter: RowCounter, asEvent: boolean): Load | undefined {
    const deliverable = result.deliverable ?? this.#ports.lookup(result.name);
    if (!deliverable) {
      this.#problems.delete(result.name);
      return undefined;
    }
    const initial = isInitial(result.item, deliverable);
    return { result, counter, deliverable, initial, encode: this.#ports.encoderOf(deliverable), asEvent };
  }

  /** Puts the row, or why it isn't sent, into the batch. */
  load(batch: Batch, load: Load, index: number): void {
    const { result, counter } = load;
    const number = result.first + index;
    const loaded = this.#encode(load, index, number);
    if ('topic' in loaded) {
      batch.add(counter, loaded.topic, loaded.event, number, result.item.rowBytes(index));
      return;
    }
    batch.skip(counter, loaded.skip, 1, number);
    if (loaded.problem === undefined) return;
    this.report(loaded.skip === 'columns' ? 'columns-changed' : 'row-problem', counter.name, loaded.problem);
  }

  #encode(load: Load, index: number, sequence: number): TopicEvent | Skipped {
    const { result, deliverable, initial, encode, asEvent } = load;
    const change = result.item.changeOf(index);
    const reason = unwanted(change, initial, deliverable);
    if (reason !== undefined) return { skip: reason };
    const row = result.item.row(index);
    if (isMalformed(row)) return { skip: 'malformed', problem: row.problem };
    const { columns } = row;
    if (!asEvent && deliverable.eventBased && this.#ports.wasSentAsEvent?.(result.name, columns)) {
      return { skip: 'sent-as-event' };
    }
    const encoded = encode({ change, initial, unixTime: result.unixTime, columns, sequence });
    if ('topic' in encoded) return encoded;
    return encoded.problem === 'null' ? { skip: 'null' } : { skip: encoded.problem, problem: encoded.text };
  }

  /** Not each row: now and then, with how many there were. */
  report(type: 'columns-changed' | 'row-problem', name: string, problem: string): void {
    let throttle = this.#problems.get(name);
    if (!throttle) {
      throttle = new ProblemThrottle(this.#limits.problemInterval, this.#ports.now);
      this.#problems.set(name, throttle);
    }
    const rows = throttle.count();
    if (rows > 0) this.#ports.report({ type, peer: this.#peer, name, problem, rows });
  }
}
