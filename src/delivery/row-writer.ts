import { ByteWriter } from '../broker/byte-writer.ts';
import { EncodedEvent } from '../broker/encoded-event.ts';
import { writeArgument, writeEventStart, writeMetadata } from '../broker/zeek-event.ts';
import type { RowsJson } from '../osquery/log-item.ts';
import { ESCAPED, RowCells, textOfCell } from '../osquery/row-cells.ts';
import { undoTextEscapes } from '../osquery/text-escapes.ts';
import { CellWriter, writeHalf } from '../vocabulary/cell-writer.ts';
import type { ResultRow } from '../vocabulary/model.ts';
import { rowMetadata } from '../vocabulary/row-events.ts';
import type { RowCircumstances, RowShape } from '../vocabulary/row-shape.ts';

/**
 * Writes the rows of one query as events, straight from osquery's JSON to Broker's binary form. A row that isn't as
 * osquery usually writes it, or can't be sent, is left to the query's encoder, which makes the same of it or says why not.
 */
export class RowWriter {
  readonly topic: string;
  readonly #shape: RowShape;
  readonly #cells: RowCells;
  readonly #writers: readonly CellWriter[];
  readonly #start = new ByteWriter(256);
  readonly #end = new ByteWriter(64);
  #startOf: RowCircumstances | undefined;
  #endOf = Number.NaN;

  private constructor(shape: RowShape, names: readonly string[]) {
    this.topic = shape.topic;
    this.#shape = shape;
    this.#cells = new RowCells(names);
    this.#writers = shape.columns.map((column) => new CellWriter(column, shape.nullPolicy, shape.reals));
  }

  /** Undefined where two columns have one name: in a row there is one value for both. */
  static of(shape: RowShape): RowWriter | undefined {
    const names = shape.columns.map(({ name }) => name);
    return new Set(names).size === names.length ? new RowWriter(shape, names) : undefined;
  }

  /**
   * Writes the event of the row with that index behind what `out` has.
   * @returns undefined if it was left; `out` is as it was then
   */
  write(
    out: ByteWriter,
    json: RowsJson,
    index: number,
    row: Omit<ResultRow, 'columns' | 'sequence'> & { readonly sequence: number },
  ): EncodedEvent | undefined {
    const { bytes } = json;
    const start = json.start(index);
    const end = json.end(index);
    if (end - start > json.maxRowBytes || !Number.isSafeInteger(row.sequence)) return undefined;
    if (!this.#cells.find(bytes, start, end)) return undefined;
    this.#prepare(row);
    const from = out.length;
    out.copy(this.#start.room(0), 0, this.#start.length);
    if (!this.#writeCells(out, bytes, json.escapes && row.change !== 'SNAPSHOT')) {
      out.endAt(from);
      return undefined;
    }
    out.copy(this.#end.room(0), 0, this.#end.length);
    const to = out.length;
    const written = out.room(0);
    // The last that is written is the number, of 64 bits.
    writeHalf(written, to - 8, Math.floor(row.sequence / 0x1_0000_0000));
    writeHalf(written, to - 4, row.sequence);
    return new EncodedEvent(this.#shape.event, row.sequence, written, from, to);
  }

  #writeCells(out: ByteWriter, bytes: Buffer, escapes: boolean): boolean {
    const { starts, ends, kinds } = this.#cells;
    const writers = this.#writers;
    for (let column = 0; column < writers.length; column += 1) {
      const writer = writers[column] as CellWriter;
      const start = starts[column] as number;
      const end = ends[column] as number;
      const kind = kinds[column] as number;
      const isWritten =
        kind === ESCAPED
          ? writer.writeEscaped(out, bytes, start, end, escapes)
          : writer.writeBytes(out, bytes, start, end);
      if (isWritten) continue;
      if (!writeOther(writer, out, bytes, { start, end, kind, escapes })) return false;
    }
    return true;
  }

  /** What comes before and behind the columns; most rows have it in common with the one before. */
  #prepare({ change, initial, unixTime }: RowCircumstances): void {
    const known = this.#startOf;
    if (!known || known.change !== change || known.initial !== initial || known.unixTime !== unixTime) {
      this.#startOf = { change, initial, unixTime };
      this.#writeStart(this.#startOf);
    }
    if (this.#endOf !== unixTime) {
      this.#endOf = unixTime;
      writeMetadata(this.#end.reset(), rowMetadata(unixTime, 0));
    }
  }

  #writeStart(row: RowCircumstances): void {
    const { event, columns, columnsAre } = this.#shape;
    const head = this.#shape.head(row);
    const start = this.#start.reset();
    const own = columnsAre === 'record' ? 1 : columns.length;
    writeEventStart(start, event, head.length + own, true);
    for (const arg of head) writeArgument(start, arg);
    if (columnsAre === 'record') start.u8(VECTOR).varbyte(columns.length);
  }
}

const VECTOR = 14;

interface Cell {
  readonly start: number;
  readonly end: number;
  readonly kind: number;
  /** Whether osquery's escapes in it are to be undone. */
  readonly escapes: boolean;
}

/** Writes a value by way of its text. @returns whether it could */
function writeOther(writer: CellWriter, out: ByteWriter, bytes: Buffer, cell: Cell): boolean {
  try {
    const text = textOfCell(bytes, cell.start, cell.end, cell.kind);
    return writer.writeText(out, cell.escapes ? undoTextEscapes(text) : text);
  } catch (error) {
    // No JSON: who parses the row says so.
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}
