/** A value of a row: whole numbers beyond what a double holds are bigints. */
export type RowValue = string | number | bigint | null;

/** What reads a number's own digits. */
type Reviver = (this: unknown, key: string, value: unknown, context: { readonly source?: string }) => unknown;

const reviver: Reviver = (_key, value, { source }) =>
  typeof value === 'number' && source !== undefined && /^-?\d+$/.test(source) && !Number.isSafeInteger(value)
    ? BigInt(source)
    : value;

/** The columns of a row as it travels (a JSON object), in the query's order; one column `row` if it is no such thing. */
export function parseRow(json: string): readonly (readonly [name: string, value: RowValue])[] {
  try {
    const row: unknown = JSON.parse(json, reviver as Parameters<typeof JSON.parse>[1]);
    if (typeof row === 'object' && row !== null && !Array.isArray(row)) {
      return Object.entries(row).map(([name, value]) => [
        name,
        isValue(value) ? value : JSON.stringify(value),
      ]);
    }
  } catch {
    // It is shown as it is.
  }
  return [['row', json]];
}

function isValue(value: unknown): value is RowValue {
  return value === null || ['string', 'number', 'bigint'].includes(typeof value);
}
