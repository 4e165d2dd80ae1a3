import type { RowValue } from './row.ts';

/** Characters with which spreadsheets let a formula begin, full-width ones included. */
const FORMULA = /^[\s]*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/;
/** Control characters but line breaks and tabs. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;

/**
 * A line of CSV (RFC 4180), without its end. A text that a spreadsheet would take for a formula is preceded by an apostrophe,
 * unless `isRaw`: whoever controls a host's process names would else have formulas run at who opens the file. Numbers stay.
 */
export function csvLine(cells: readonly (RowValue | undefined)[], isRaw = false): string {
  return cells.map((cell) => csvCell(cell, isRaw)).join(',');
}

function csvCell(value: RowValue | undefined, isRaw: boolean): string {
  if (value === null || value === undefined) return '';
  if (typeof value !== 'string') return String(value);
  const text = value.replaceAll(CONTROL, (unit) => `\\x${unit.charCodeAt(0).toString(16).padStart(2, '0')}`);
  const safe = !isRaw && FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
