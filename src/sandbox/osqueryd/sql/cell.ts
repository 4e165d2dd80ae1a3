/**
 * A value of a result as osqueryd holds it: SQLite's integer, double or text; NULL is the empty text and a
 * blob is text up to its first NUL (osquery.md 2).
 */
export type Cell = bigint | number | string;

/** A row of a result: cells by column name, sorted by name as a std::map is, each name once. */
export type TypedRow = readonly (readonly [name: string, cell: Cell])[];

/** The cell as osquery's text: doubles have 15 digits and always a point, so 1e20 is "1e+20.0" (osquery.md 2). */
export function cellText(cell: Cell): string {
  return typeof cell === 'number' ? doubleText(cell) : String(cell);
}

/** The row as text to text, the form that replies carry. */
export function rowText(row: TypedRow): Record<string, string> {
  return Object.fromEntries(row.map(([name, cell]) => [name, cellText(cell)]));
}

function doubleText(value: number): string {
  if (Number.isNaN(value)) return 'nan.0';
  if (!Number.isFinite(value)) return value > 0 ? 'inf.0' : '-inf.0';
  const text = generalFormat(value, 15);
  return text.includes('.') ? text : `${text}.0`;
}

/** C's `%.*g`. */
export function generalFormat(value: number, digits: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const [mantissa = '', power = '0'] = value.toExponential(digits - 1).split('e');
  const exponent = Number(power);
  if (exponent < -4 || exponent >= digits) {
    const sign = exponent < 0 ? '-' : '+';
    return `${withoutZeros(mantissa)}e${sign}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  return withoutZeros(value.toFixed(Math.max(0, digits - 1 - exponent)));
}

function withoutZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}
