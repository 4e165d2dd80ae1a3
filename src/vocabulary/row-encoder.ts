import { vector } from '../broker/data.ts';
import type { ResultRow } from './model.ts';
import { rowEvent } from './row-events.ts';
import type { RowShape } from './row-shape.ts';
import { isRowProblem, rowConverter } from './row-values.ts';
import type { RowEncoder } from './vocabulary.ts';

/** Makes the event of a row. */
export function rowEncoder(shape: RowShape): RowEncoder {
  const { topic, event, columns, columnsAre, nullPolicy, reals } = shape;
  const convert = rowConverter(columns, nullPolicy, reals);
  const encode = (row: ResultRow) => {
    const values = convert(row.columns);
    if (isRowProblem(values)) return values;
    const args = columnsAre === 'record' ? [vector(values)] : values;
    return { topic, event: rowEvent(event, [...shape.head(row), ...args], row) };
  };
  return Object.assign(encode, { shape });
}
