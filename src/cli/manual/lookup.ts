import { nearest } from '../../config/nearest.ts';
import { sectionsOf } from './sections.ts';

/** What was asked of the manual and it does not have. */
export class ManualError extends Error {
  override readonly name = 'ManualError';
}

type Pages = Readonly<Record<string, string>>;

/** The Markdown of a page or of a section: `operate`, `exit-codes`, `operate.md#exit-codes`. */
export function markdownOf(pages: Pages, topic: string): string {
  const wanted = topic.toLowerCase().replaceAll(' ', '-');
  const whole = pages[wanted.replace(/\.md$/, '')];
  if (whole !== undefined) return whole;
  const anchor = wanted.slice(wanted.indexOf('#') + 1);
  const sections = Object.values(pages).flatMap(sectionsOf);
  const section = sections.find((one) => one.anchor === anchor);
  if (section) return section.markdown;
  const topics = Object.keys(pages);
  const near = nearest(anchor, [...topics, ...sections.map((one) => one.anchor)]);
  const advice = near === '' ? '' : ` Did you mean ${near}?`;
  throw new ManualError(
    `the manual has no page or heading '${topic}'.${advice} Its pages: ${topics.join(', ')}`,
  );
}

/** A page that lists all pages with their headings. */
export function contents(pages: Pages): string {
  const lines = Object.entries(pages).map(([topic, markdown]) => {
    const titles = sectionsOf(markdown).map(({ title }) => title);
    return `| \`${topic}\` | ${titles.length === 0 ? titleOf(markdown) : titles.join(', ')} |`;
  });
  return `# bro-osquery\n\n| page | what is in it |\n| --- | --- |\n${lines.join('\n')}\n`;
}

/** The heading of a page. */
export function titleOf(markdown: string): string {
  return /^# (.*)$/m.exec(markdown)?.[1] ?? '';
}
