/**
 * What others have said, on a terminal: nothing that a Bro sends can move the cursor, change colours or hide.
 */

/** The text with control characters, bidirectional marks and bytes that are no text written out as `\xNN` or `\u{…}`. */
export function printable(text: string): string {
  return text.replaceAll(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
    /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Surrogate}/gu,
    (unit) => {
      const code = unit.charCodeAt(0);
      if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`;
      return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
    },
  );
}

/** A text of several lines, each of them {@link printable}. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/** JSON that means the same, the characters of {@link printable} that JSON lets stand written as its own escapes. */
export function printableJson(json: string): string {
  return json.replaceAll(
    /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A text in single quotes on one line, its white space collapsed, no longer than `most` characters. */
export function quoted(text: string, most = 160): string {
  const line = text.trim().replaceAll(/\s+/g, ' ');
  return `'${printable(line.length <= most ? line : `${line.slice(0, most - 1)}…`)}'`;
}

/** A time as people read it, in UTC: `2026-11-24 04:44:22.123Z`. */
export function formatTime(time: number): string {
  return new Date(time).toISOString().replace('T', ' ');
}

/** A number with its noun, which takes an `s` for any number but one. */
export function counted(count: number, noun: string): string {
  const plural = /[^aeiou]y$/.test(noun) ? `${noun.slice(0, -1)}ies` : `${noun}s`;
  return `${count} ${count === 1 ? noun : plural}`;
}
