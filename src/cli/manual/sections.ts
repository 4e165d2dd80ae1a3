import { marked } from 'marked';
import { plainText } from './terminal.ts';

/** A heading of a page, with what stands below it up to the next of its rank. */
export interface Section {
  /** As links name it. */
  readonly anchor: string;
  readonly title: string;
  readonly markdown: string;
}

/** As GitHub makes it of a heading. */
export function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

/** The sections of a page below its title. */
export function sectionsOf(markdown: string): readonly Section[] {
  const sections: { anchor: string; title: string; depth: number; markdown: string }[] = [];
  const open: typeof sections = [];
  for (const token of marked.lexer(markdown)) {
    if (token.type === 'heading') {
      const depth = Number(token['depth']);
      while ((open.at(-1)?.depth ?? 0) >= depth) open.pop();
      const section = {
        anchor: anchorOf(token['text']),
        title: plainText(token['text']),
        depth,
        markdown: '',
      };
      if (depth > 1) {
        sections.push(section);
        open.push(section);
      }
    }
    for (const section of open) section.markdown += token.raw;
  }
  return sections;
}
