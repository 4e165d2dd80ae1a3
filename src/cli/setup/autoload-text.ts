import { withLine } from './lines.ts';

/** osqueryd's list of extensions with ours in it; a line that an operator has made a comment stays one. */
export function withExtension(text: string, path: string): { text: string; notes: string[] } {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  if (lines.includes(path)) return { text, notes: [] };
  const isComment = lines.some((line) => /^[#;]/.test(line) && line.replace(/^[#;\s]+/, '') === path);
  if (!isComment) return { text: withLine(text, path), notes: [] };
  return {
    text,
    notes: [`${path} is a comment in the list of extensions and stays one: osqueryd will not start it`],
  };
}
