import type { Mark } from '../severity.ts';
import { el } from './dom.ts';

/** The sign of what stands out, with its word for who does not see it; an empty place otherwise. */
export function signOf(mark: Mark | null): HTMLElement {
  if (!mark) return el('span', { class: 'sign' });
  return el('span', { class: 'sign', role: 'img', 'aria-label': mark.word, title: mark.word }, mark.sign);
}

export function classOf(mark: Mark | null): string {
  return mark ? `stands-out severity-${mark.severity}` : '';
}
