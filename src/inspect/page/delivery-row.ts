import type { RowCounts } from '../entries.ts';
import { isTroubleState } from '../trouble.ts';
import { el, spanOf } from './dom.ts';
import { cell, row } from './tables.ts';
import type { View } from './view.ts';

/** How far the rows have got to a Zeek. */
export interface Delivery {
  readonly peer: string;
  readonly link: string;
  /** Null where only a running extension could tell. */
  readonly taken: number | null;
  readonly refused: number | null;
  readonly sent: number | null;
  readonly confirmed: number | null;
  /** Rows that were not to be sent, by reason. */
  readonly skipped: Readonly<Record<string, number>> | null;
  readonly pending: number | null;
  /** Milliseconds that the oldest row has waited; null if none does. */
  readonly lag: number | null;
  readonly dropped: number | null;
}

/** The Zeeks that there are at the moment. */
export function peersOf({ schedule, history }: View): readonly string[] {
  const actors = history.actors.filter((actor) => actor.startsWith('peer:')).map((actor) => actor.slice(5));
  return [...new Set([...actors, ...(schedule?.bros ?? []).map(({ peer }) => peer)])];
}

/** @param at the moment that is shown, milliseconds since the epoch */
export function deliveryOf(view: View, peer: string, at: number): Delivery {
  const { history, moment, schedule } = view;
  const bro = schedule?.bros.find((one) => one.peer === peer);
  const state = history.stepAt(`peer:${peer}`, moment)?.step.state;
  const link = typeof state === 'object' ? state['link'] : undefined;
  const counted = history.rowsAt(moment);
  const own = counted?.counts.filter((one) => one.peer === peer) ?? [];
  const progress = history.messageAt('courier.progress', peer, moment)?.numbers;
  const sum = (key: 'taken' | 'refused' | 'sent' | 'confirmed' | 'pending' | 'dropped') =>
    own.length > 0 ? own.reduce((total, one) => total + one[key], 0) : (progress?.[key] ?? null);
  const oldestAt = counted ? counted.oldest[peer] : progress?.['oldestAt'];
  return {
    peer,
    link: formatLink(link) ?? (bro?.connected ? `connected (${bro.transport})` : 'away'),
    taken: sum('taken'),
    refused: sum('refused'),
    sent: sum('sent'),
    confirmed: sum('confirmed'),
    skipped: own.length > 0 ? skippedOf(own) : null,
    pending: sum('pending'),
    lag: oldestAt === undefined ? null : at - oldestAt,
    dropped: sum('dropped') ?? bro?.rowsDropped ?? null,
  };
}

function skippedOf(counts: readonly RowCounts[]): Record<string, number> {
  const all: Record<string, number> = {};
  for (const { skipped } of counts) {
    for (const [reason, rows] of Object.entries(skipped)) all[reason] = (all[reason] ?? 0) + rows;
  }
  return all;
}

function formatLink(link: unknown): string | null {
  if (typeof link === 'string') return link;
  if (typeof link !== 'object' || link === null || !('linked' in link)) return null;
  const { linked } = link;
  return typeof linked === 'string' ? linked : Object.keys(linked ?? {}).join();
}

/** The heads of {@link deliveryRow}'s cells, in an order that adds up: taken is all to the right of sent. */
export const DELIVERY_HEADS = [
  ...[
    'Zeek',
    'Link',
    'Taken',
    'Sent',
    'Confirmed',
    'Skipped',
    'Dropped',
    'Not journalled',
    'Waiting',
    'Oldest',
  ],
];

/** A link that is gone or in trouble has a sign besides its word. */
function linkCell(link: string): HTMLTableCellElement {
  if (link === 'away') return cell(signed('marks', '○', link));
  return isTroubleState(link) ? cell(signed('marks', '▲', link)) : cell(link);
}

/** A text behind a sign that says to eyes without colours what the word says. */
function signed(name: string, sign: string, text: string): HTMLElement {
  return el('span', {}, el('span', { class: name, 'aria-hidden': 'true' }, `${sign} `), text);
}

export function deliveryRow(delivery: Delivery): HTMLElement {
  const { peer, link, taken, refused, sent, confirmed, skipped, pending, lag, dropped } = delivery;
  const count = (value: number | null) => cell(value === null ? '–' : `${value}`);
  const reasons = Object.entries(skipped ?? {});
  const notSent = count(skipped && reasons.reduce((total, [, rows]) => total + rows, 0));
  notSent.title =
    reasons.map(([reason, rows]) => `${rows} ${reason}`).join(', ') || 'rows that were not to be sent';
  const waiting = count(pending);
  if (sent !== null && pending !== null && pending > 0) {
    waiting.append(
      el('meter', { min: '0', max: `${sent + pending}`, value: `${pending}`, title: 'rows not confirmed' }),
    );
  }
  const since = cell(lag === null ? '–' : spanOf(lag));
  since.title = 'how long the oldest row that is waiting has waited';
  const lost = dropped ? cell(signed('lost', '▼', `${dropped}`)) : count(dropped);
  const cells = [cell(peer), linkCell(link), count(taken), count(sent), count(confirmed)];
  return row(DELIVERY_HEADS, [...cells, notSent, lost, count(refused), waiting, since], {
    'data-peer': peer,
  });
}
