import type { Shape } from '../chart-drawing.ts';

/** Elements whose every text is text: nothing here takes markup. */

type Child = Node | string;

/** An element; attributes `on…` are none. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function button(label: string, title: string, press: () => void, className = ''): HTMLButtonElement {
  const made = el('button', { type: 'button', title, class: className }, label);
  made.addEventListener('click', press);
  return made;
}

const SVG = 'http://www.w3.org/2000/svg';

export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function drawn({ tag, attributes, text, shapes = [] }: Shape): SVGElement {
  const element = svg(tag, attributes, ...shapes.map(drawn));
  if (text !== undefined) element.textContent = text;
  return element;
}

/** What a panel says before anything came from the server. */
export const NOTHING_YET = 'Nothing is known yet: the source has not answered.';

/** The cell of a list for a time: where that is another day than the one before, with the date. */
export function timeCell(at: number, before: number | undefined): HTMLElement {
  const [date, time] = [dateTimeOf(at).slice(0, 10), timeOf(at)];
  if (before !== undefined && dateTimeOf(before).startsWith(date)) return el('span', { class: 'time' }, time);
  return el(
    'span',
    { class: 'time new-day', title: `${date} ${time} UTC` },
    `${date.slice(5)} ${time.slice(0, 8)}`,
  );
}

/** A time of the day in UTC, with milliseconds. */
export function timeOf(at: number): string {
  const time = new Date(at);
  return `${time.toISOString().slice(11, 23)}`;
}

export function dateTimeOf(at: number): string {
  return `${new Date(at).toISOString().replace('T', ' ').slice(0, 19)} UTC`;
}

/** A span of milliseconds, roughly. */
export function spanOf(milliseconds: number): string {
  const seconds = Math.max(0, milliseconds) / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
}

/** A short name of an actor. */
export function shortName(actor: string): string {
  return actor.startsWith('peer:') ? actor.slice(5) : actor;
}
