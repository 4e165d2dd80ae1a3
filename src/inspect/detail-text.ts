import { printable } from '../replay/printable.ts';

/** Letters of a message's or a fact's JSON that are shown. */
const LONGEST_DETAIL = 2_000;

/** A value as JSON in which every text is printable, cut where it is long. */
export function detailText(value: unknown): string {
  const text =
    JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'string' ? printable(inner) : inner)) ??
    '';
  return text.length <= LONGEST_DETAIL ? text : `${text.slice(0, LONGEST_DETAIL)}…`;
}
