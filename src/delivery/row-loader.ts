import type { ByteWriter } from '../broker/byte-writer.ts';
import type { TopicEvent } from '../broker/zeek-event.ts';
import { isMalformed, type RowsJson } from '../osquery/log-item.ts';
import { ProblemThrottle } from '../text/problem-throttle.ts';
import type { RowEncoder } from '../vocabulary/vocabulary.ts';
import type { Batch } from './batch.ts';
import type { RowCounter } from './delivery-counts.ts';
import type { CourierLimits, CourierPorts, Deliverable } from './ports.ts';
import { isInitial, unwanted } from './row-filter.ts';
import { RowWriter } from './row-writer.ts';
import type { QueryResult } from './scanned-entry.ts';

/** A result with what is needed to load its rows. */
export interface Load {
  readonly result: QueryResult;
  readonly counter: RowCounter;
  readonly deliverable: Deliverable;
  readonly initial: boolean;
  readonly encode: RowEncoder;
  /** What writes rows from the JSON in which they came; undefined where each must be parsed. */
  readonly fast: { readonly writer: RowWriter; readonly json: RowsJson } | undefined;
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
  readonly #writers = new WeakMap<RowEncoder, { readonly writer: RowWriter | undefined }>();

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
    const encode = this.#ports.encoderOf(deliverable);
    const { json } = result.item;
    // Of events the rows must be known that came at their moment.
    const isKnownByValue = deliverable.eventBased && this.#ports.wasSentAsEvent !== undefined;
    const writer = json && !isKnownByValue ? this.#writerOf(encode) : undefined;
    const fast = json && writer && { writer, json };
    return { result, counter, deliverable, initial, encode, fast, asEvent };
  }

  #writerOf(encode: RowEncoder): RowWriter | undefined {
    let known = this.#writers.get(encode);
    if (!known) {
      known = { writer: encode.shape && RowWriter.of(encode.shape) };
      this.#writers.set(encode, known);
    }
    return known.writer;
  }

  /**
   * Puts the row, or why it isn't sent, into the batch.
   * @param out where events may be written; they are good while it is not reset
   */
  load(batch: Batch, out: ByteWriter, load: Load, index: number): void {
    const { result, counter, initial, fast, deliverable } = load;
    const number = result.first + index;
    if (fast) {
      const change = result.item.changeOf(index);
      const row = { change, initial, unixTime: result.unixTime, sequence: number };
      if (unwanted(change, initial, deliverable) === undefined) {
        const event = fast.writer.write(out, fast.json, index, row);
        if (event) {
          batch.add(counter, fast.writer.topic, event, number, result.item.rowBytes(index));
          return;
        }
      }
    }
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
