import { printable } from '../replay/printable.ts';

/** HTML that was put together here; whatever else is put into a page is text. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Content = Markup | string | number | readonly (Markup | string | number)[];

/** A template of HTML: what stands in `${…}` is escaped unless it is markup itself. */
export function html(strings: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  return new Markup(
    strings.map((string, at) => string + (at < contents.length ? inHtml(contents[at] ?? '') : '')).join(''),
  );
}

function inHtml(content: Content): string {
  if (content instanceof Markup) return content.text;
  if (typeof content === 'object') return content.map(inHtml).join('');
  return escaped(String(content));
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
};

/** As text and as an attribute's value in quotes; what would be invisible or turn the line around is written out. */
export function escaped(text: string): string {
  return printable(text).replaceAll(/[&<>"'`]/g, (sign) => ENTITIES[sign] ?? sign);
}

/** JSON for a `<script type="application/json">`: nothing in it can end the element. */
export function jsonMarkup(value: unknown): Markup {
  return new Markup(
    JSON.stringify(value).replaceAll(
      /[<>&\u2028\u2029]/g,
      (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
    ),
  );
}
