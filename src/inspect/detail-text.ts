import { boundedJson } from './bounded-json.ts';

/** Characters of a message's, a fact's or an event's JSON that are shown. */
const LONGEST_DETAIL = 2_000;

/** A value as JSON in which every text is printable, cut where it is long; empty for none. */
export function detailText(value: unknown): string {
  return value === undefined ? '' : boundedJson(value, LONGEST_DETAIL);
}

/** What an event carries beside its type; empty where it is nothing. */
export function payloadText({ type, ...payload }: { readonly type: string }): string {
  const text = detailText(payload);
  return text === '{}' ? '' : text;
}
