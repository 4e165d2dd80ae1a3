import { constantIn, type Instruction } from './program.ts';
import type { Constraint, TableColumn } from './table.ts';

/** osquery's numbers of the conditions: the complement of the comparison that jumps past the row. */
const REQUIRED_BY_SKIP: ReadonlyMap<string, number> = new Map([
  ['Ne', 2],
  ['Eq', 68],
  ['Le', 4],
  ['Gt', 8],
  ['Ge', 16],
  ['Lt', 32],
]);

/**
 * Conditions that every row of the scan must satisfy, read from the compiled statement: at the head of the
 * loop over a table SQLite compares columns with constants and jumps to the next row where they don't fit.
 * Only this head is trusted, so what is found holds for every row and what is missed merely leaves a
 * superset to SQLite.
 *
 * @param root page of the table's root, by which the program opens it
 */
export function constraintsOf(
  program: readonly Instruction[],
  root: number,
  columns: readonly TableColumn[],
): ReadonlyMap<string, readonly Constraint[]> {
  const found = new Map<string, Constraint[]>();
  const opens = program.filter((step) => step.opcode === 'OpenRead' && step.p2 === root && step.p3 === 0);
  const open = opens[0];
  // A table scanned twice in one statement has conditions that differ from scan to scan.
  if (opens.length !== 1 || open === undefined) return found;
  const cursor = open.p1;
  const loops = program.filter((step) => step.opcode === 'Rewind' && step.p1 === cursor);
  const loop = loops[0];
  const next = program.find((step) => step.opcode === 'Next' && step.p1 === cursor);
  if (loops.length !== 1 || loop === undefined || next === undefined) return found;
  const held = new Map<number, string>();
  for (const step of program.slice(loop.addr + 1)) {
    if (step.opcode === 'Column' && step.p1 === cursor) {
      held.set(step.p3, columns[step.p2]?.name ?? '');
      continue;
    }
    const op = REQUIRED_BY_SKIP.get(step.opcode);
    if (op === undefined || step.p2 !== next.addr) break;
    const name = held.get(step.p3);
    const expr = constantIn(program, step.p1);
    if (name === undefined || expr === undefined) continue;
    found.set(name, [...(found.get(name) ?? []), { op, expr }]);
  }
  return found;
}

/**
 * Text constants that the program compares with a column of the table, wherever it does so: a superset of
 * the values that rows are asked for. `=`, IN and LIKE are told apart only by their form.
 */
export function comparedTexts(
  program: readonly Instruction[],
  root: number,
  columns: readonly TableColumn[],
): ReadonlyMap<string, readonly string[]> {
  const cursors = new Set(
    program
      .filter((step) => step.opcode === 'OpenRead' && step.p2 === root && step.p3 === 0)
      .map((step) => step.p1),
  );
  const found = new Map<string, string[]>();
  const held = new Map<number, string>();
  const note = (columnRegister: number, texts: readonly (string | undefined)[]) => {
    const name = held.get(columnRegister);
    if (name === undefined) return;
    found.set(name, [...(found.get(name) ?? []), ...texts.filter((text) => text !== undefined)]);
  };
  const lists = listConstants(program);
  for (const step of program) {
    if (step.opcode === 'Column' && cursors.has(step.p1)) {
      held.set(step.p3, columns[step.p2]?.name ?? '');
    } else if (step.opcode === 'Eq' || step.opcode === 'Ne') {
      note(step.p3, [constantIn(program, step.p1)]);
      note(step.p1, [constantIn(program, step.p3)]);
    } else if (step.opcode === 'Function' && /^(like|glob)\(/.test(step.p4)) {
      note(step.p2 + 1, [constantIn(program, step.p2)]);
    } else if (step.opcode === 'Found' || step.opcode === 'NotFound') {
      note(step.p3, lists.get(step.p1) ?? []);
    }
  }
  return found;
}

/** Constants of longer IN lists by the cursor of the table that SQLite makes of them. */
function listConstants(program: readonly Instruction[]): ReadonlyMap<number, readonly string[]> {
  const lists = new Map<number, string[]>();
  let last: string | undefined;
  for (const step of program) {
    if (step.opcode === 'String8') last = step.p4;
    else if (step.opcode === 'IdxInsert' && last !== undefined) {
      lists.set(step.p1, [...(lists.get(step.p1) ?? []), last]);
    }
  }
  return lists;
}
