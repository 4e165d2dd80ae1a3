import type { DatabaseSync } from 'node:sqlite';

/** One instruction of a compiled statement, as EXPLAIN shows it. */
export interface Instruction {
  readonly addr: number;
  readonly opcode: string;
  readonly p1: number;
  readonly p2: number;
  readonly p3: number;
  readonly p4: string;
}

/** The statement as SQLite compiled it. */
export function explain(db: DatabaseSync, sql: string): readonly Instruction[] {
  return db
    .prepare(`EXPLAIN ${sql}`)
    .all()
    .map((row) => ({
      addr: Number(row['addr']),
      opcode: String(row['opcode']),
      p1: Number(row['p1']),
      p2: Number(row['p2']),
      p3: Number(row['p3']),
      p4: row['p4'] === null ? '' : String(row['p4']),
    }));
}

/** Text constants that the program loads. */
export function textConstants(program: readonly Instruction[]): string[] {
  return program.flatMap((step) => (step.opcode === 'String8' || step.opcode === 'String' ? [step.p4] : []));
}

/** The constant that the program loads into the register, as text; undefined if none or several. */
export function constantIn(program: readonly Instruction[], register: number): string | undefined {
  const values = program.filter((step) => step.p2 === register).map(constantOf);
  const found = values.filter((value) => value !== undefined);
  return found.length === 1 ? found[0] : undefined;
}

function constantOf(step: Instruction): string | undefined {
  switch (step.opcode) {
    case 'String8':
    case 'String':
    case 'Int64':
    case 'Real':
      return step.p4;
    case 'Integer':
      return String(step.p1);
    default:
      return undefined;
  }
}
