/**
 * The beginning of a text, for a message: at most `most` UTF-16 units of it, and `…` where that isn't all. Cuts no
 * character in two, half of which would be no text to whoever reads it.
 */
export function shortened(text: string, most: number): string {
  if (text.length <= most) return text;
  const isCut = (text.codePointAt(most - 1) ?? 0) > 0xffff;
  return `${text.slice(0, isCut ? most - 1 : most)}…`;
}
