import type { Instruction } from './program.ts';
import type { ColumnType } from './table.ts';

const DECLARED: ReadonlySet<string> = new Set([
  'TEXT',
  'INTEGER',
  'BIGINT',
  'UNSIGNED BIGINT',
  'DOUBLE',
  'BLOB',
]);

/** The declared type of a table's column, if osquery knows it. */
export function declaredType(declared: string | null): ColumnType | undefined {
  const type = declared?.toUpperCase();
  return type !== undefined && DECLARED.has(type) ? (type as ColumnType) : undefined;
}

const CAST_TYPES: ReadonlyMap<number, ColumnType> = new Map([
  ['A'.charCodeAt(0), 'BLOB'],
  ['B'.charCodeAt(0), 'TEXT'],
  ['C'.charCodeAt(0), 'UNKNOWN'],
  ['D'.charCodeAt(0), 'BIGINT'],
  ['E'.charCodeAt(0), 'DOUBLE'],
] as const);

/** Type of what an instruction writes, and into which operand's register. */
const RESULT_TYPES: ReadonlyMap<string, readonly ['p2' | 'p3', ColumnType]> = new Map([
  ['Concat', ['p3', 'TEXT']],
  ['AggStep', ['p3', 'BIGINT']],
  ['AggStep1', ['p3', 'BIGINT']],
  ['Count', ['p2', 'BIGINT']],
  ['Integer', ['p2', 'INTEGER']],
  ['Int64', ['p2', 'BIGINT']],
  ['String', ['p2', 'TEXT']],
  ['String8', ['p2', 'TEXT']],
  ['Or', ['p3', 'INTEGER']],
  ['And', ['p3', 'INTEGER']],
  ['Not', ['p2', 'INTEGER']],
  ...['BitAnd', 'BitOr', 'ShiftLeft', 'ShiftRight', 'Add', 'Subtract', 'Multiply', 'Divide', 'Remainder'].map(
    (opcode) => [opcode, ['p3', 'BIGINT']] as const,
  ),
] as const);

/**
 * Types of a result's expressions as osquery finds them: from the instructions that write the registers of
 * the result, not from the values. Hence its oddities: every aggregate is BIGINT, every scalar function is
 * UNKNOWN, and so is a float literal (osquery.md 8).
 *
 * @returns by position of the column; columns that no known instruction writes are missing
 */
export function expressionTypes(program: readonly Instruction[]): ReadonlyMap<number, ColumnType> {
  const registers = new Map<number, ColumnType>();
  const result = new Map<number, ColumnType>();
  for (const step of program) {
    if (step.opcode === 'ResultRow') {
      for (let at = 0; at < step.p2; at += 1) {
        const type = registers.get(step.p1 + at);
        if (type !== undefined) result.set(at, type);
      }
    } else if (step.opcode === 'Copy') {
      for (let at = 0; at <= step.p3; at += 1) move(registers, step.p1 + at, step.p2 + at);
    } else if (step.opcode === 'Cast') {
      registers.set(step.p1, CAST_TYPES.get(step.p2) ?? 'UNKNOWN');
    }
    const written = RESULT_TYPES.get(step.opcode);
    if (!written) continue;
    const register = step[written[0]];
    registers.set(register, written[1]);
  }
  return result;
}

function move(registers: Map<number, ColumnType>, from: number, to: number): void {
  const type = registers.get(from);
  if (type === undefined) return;
  registers.delete(from);
  registers.set(to, type);
}
