import type { Gap, TimeSpan } from './model.ts';

/** A gap as a sentence to the Bro that it is for. */
export function formatGap(gap: Gap): string {
  const why = gapReason(gap);
  if (gap.rows === 0) return `rows may be missing: ${why}`;
  return `${gap.rows} rows were lost (numbers ${gap.first} to ${gap.last}): ${why}`;
}

/** Why there is a gap, and what may be missing beside the rows that are known to be missing. */
export function gapReason({ rows, reason, unseen }: Gap): string {
  if (!unseen) return reason;
  const when = formatUnseen(unseen);
  if (rows > 0) return `${reason}; more may be missing: ${when}`;
  return reason === '' ? when : `${when}, and ${reason}`;
}

function formatUnseen({ from, to }: TimeSpan): string {
  return `from ${timeOf(from)} to ${timeOf(to)} results of osquery were not received`;
}

const timeOf = (at: number): string => new Date(at).toISOString();
