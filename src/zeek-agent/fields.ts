import type { ScalarType } from '../vocabulary/model.ts';
import { StatementError } from './statement.ts';

/** A field of a line, as `files_columns` has it told: `$2:count`. */
export interface Field {
  /** From 1 on; 0 for the whole line. */
  readonly number: number;
  readonly type: ScalarType;
}

const TYPES: Readonly<Record<string, ScalarType>> = {
  blob: 'string',
  count: 'count',
  int: 'int',
  real: 'double',
  text: 'string',
};

/** `$1:text,$3:count`. @throws StatementError */
export function parseFields(spec: string): readonly Field[] {
  return spec.split(',').map((part) => {
    const [, number, name = ''] = /^\s*\$(\d{1,6})\s*:\s*(\w+)\s*$/.exec(part) ?? [];
    const type = Object.hasOwn(TYPES, name.toLowerCase()) ? TYPES[name.toLowerCase()] : undefined;
    if (number === undefined || type === undefined) {
      throw new StatementError(
        `invalid column specification for 'files_columns': ${JSON.stringify(part)} in ${JSON.stringify(spec)}; expected $<number>:<type> with ${Object.keys(TYPES).join(', ')}`,
      );
    }
    return { number: Number(number), type };
  });
}
