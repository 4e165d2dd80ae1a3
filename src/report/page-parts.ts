import { counted } from '../replay/printable.ts';
import type { ReportFacts } from './collector.ts';
import { type Graph, graphSvg, type LayOut } from './graph.ts';
import { html, type Markup } from './markup.ts';

/** Rows that a table shows at the most; what it leaves out is said above it. */
export const MOST_ROWS = 500;

/** A section, or in its place the sentence that says why there is nothing to show. */
export function section(id: string, title: string, content: Markup | string): Markup {
  const body = typeof content === 'string' ? html`<p class="none">${content}</p>` : content;
  return html`<section id="${id}"><h2>${title}</h2>
${body}</section>
`;
}

export function missing({ lines }: ReportFacts, log: string, how: string): string {
  return lines.has(log) ? '' : `There is no ${log}.log here: ${how}`;
}

export function leftOut(shown: number, total: number, dropped: number, noun: string): Markup {
  const texts = [
    ...(shown < total ? [`The table shows ${shown} of ${counted(total, noun)}.`] : []),
    ...(dropped > 0 ? [`${dropped} more were let go to bound memory, those that mattered least.`] : []),
  ];
  return texts.length === 0 ? html`` : html`<p class="note">${texts.join(' ')}</p>`;
}

export function withPid(process: string, pid: string): string {
  return pid === '' ? process : `${process} (${pid})`;
}

export async function drawn(graph: Graph, title: string, layOut: LayOut): Promise<Markup> {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${title}">${await graphSvg(graph, title, layOut)}</div>`;
}
