import { lineEndOf, withLine } from './lines.ts';

const FLAG = /^(\s*--?)(\w+)(?:=(.*?))?(\s*)$/;

/** The flag's value in a flagfile, the last that it has; `true` for one without a value; undefined: not there. */
export function flagIn(text: string, name: string): string | undefined {
  let value: string | undefined;
  for (const line of text.split(/\r?\n/)) {
    const match = FLAG.exec(line);
    if (match?.[2] === name) value = match[3] ?? 'true';
  }
  return value;
}

/** The flagfile with the flag at that value: in its last place, else at the end. All else stays byte for byte. */
export function withFlag(text: string, name: string, value: string): string {
  if (flagIn(text, name) === value) return text;
  const end = lineEndOf(text);
  const lines = text.split(end);
  const last = lines.findLastIndex((line) => FLAG.exec(line)?.[2] === name);
  if (last < 0) return withLine(text, `--${name}=${value}`);
  lines[last] = (lines[last] ?? '').replace(FLAG, (_, dashes: string, __, ___, blanks: string) => {
    return `${dashes}${name}=${value}${blanks}`;
  });
  return lines.join(end);
}
