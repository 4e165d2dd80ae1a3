/** Rows as lines of a table: numbers to the right, all else to the left, two blanks between. */
export function columns(rows: readonly (readonly (string | number)[])[], indent = ''): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, String(cell).length);
  }
  return rows.map((row) => {
    const cells = row.map((cell, at) => {
      const width = widths[at] ?? 0;
      const isNumeric = rows.some((other) => typeof other[at] === 'number');
      return isNumeric && at > 0 ? String(cell).padStart(width) : String(cell).padEnd(width);
    });
    return `${indent}${cells.join('  ')}`.trimEnd();
  });
}
