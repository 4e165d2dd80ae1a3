import { IGNORED_LINES } from './tables.ts';

/** Lines of files, and the fields of a line, as Zeek Agent has them. */

/** A file's lines without their ends; what comes after the last end is one if there is anything. */
export function linesOf(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

const BLANKS = /^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g;

export function trimmed(line: string): string {
  return line.replaceAll(BLANKS, '');
}

/** A line's fields, from the first on; with an empty separator blanks separate, and those at the ends do nothing. */
export function fieldsOf(line: string, separator: string): string[] {
  if (separator !== '') return line.split(separator);
  const text = trimmed(line);
  return text === '' ? [] : text.split(/[ \t\n\v\f\r]+/);
}

/** Those of the fields that the record has, by their numbers; 0 is the line, null a field that it doesn't have. */
export function pickedFields(
  line: string,
  { fields, separator }: { readonly fields: readonly number[]; readonly separator: string },
): (string | null)[] {
  const all = fieldsOf(line, separator);
  return fields.map((number) => (number === 0 ? line : (all[number - 1] ?? null)));
}

/** POSIX's names for classes of characters, as a regular expression of JavaScript has them within brackets. */
const CLASSES: Readonly<Record<string, string>> = {
  alnum: 'A-Za-z0-9',
  alpha: 'A-Za-z',
  blank: ' \\t',
  digit: '0-9',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`{-~',
  space: '\\s',
  upper: 'A-Z',
  xdigit: '0-9A-Fa-f',
};

/** An extended regular expression of POSIX as JavaScript writes it; undefined where it is none. */
export function javascriptPattern(posix: string): string | undefined {
  const source = posix.replaceAll(/\[:(\w+):\]/g, (all, name: string) =>
    Object.hasOwn(CLASSES, name) ? (CLASSES[name] ?? all) : all,
  );
  try {
    new RegExp(source);
    return source;
  } catch {
    return undefined;
  }
}

/** Whether the expression is the one that is used where a query names none, which takes no time. */
export function isUsualPattern(posix: string): boolean {
  return posix === IGNORED_LINES;
}
