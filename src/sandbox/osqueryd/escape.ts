import { encodeText } from '../../text/byte-text.ts';
import type { TypedRow } from './sql/cell.ts';

/**
 * Text of differential results has control bytes and bytes that are no UTF-8 written as `\xHH`; snapshots go
 * out as they are (osquery.md 5).
 */
export function escapeRow(row: TypedRow): TypedRow {
  return row.map(([name, cell]) => [name, typeof cell === 'string' ? escapeText(cell) : cell]);
}

export function escapeText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return text.replace(/[\u0000-\u001f\ud800-\udfff]+/g, (run) => {
    if (run.isWellFormed() && /[\ud800-\udfff]/.test(run)) return run;
    return [...run].map((char) => (isPlain(char) ? char : hexBytes(char))).join('');
  });
}

function isPlain(char: string): boolean {
  return char.length === 2;
}

function hexBytes(char: string): string {
  return [...encodeText(char)]
    .map((byte) => `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`)
    .join('');
}
