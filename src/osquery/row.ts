/**
 * A row as osquery gives it: column name to text. NULL and the missing value of a numeric column are both the
 * empty string; bytes that are no UTF-8 are surrogate escapes (text/byte-text.ts).
 */
export type Row = Readonly<Record<string, string>>;
