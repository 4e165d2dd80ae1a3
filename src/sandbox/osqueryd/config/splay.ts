/**
 * The interval with its splay: uniform within `percent` of it, whole seconds, at least 1 (osquery.md 6).
 *
 * @param random uniform in [0, 1)
 */
export function splayedInterval(interval: number, percent: number, random: () => number): number {
  if (percent === 0 || percent > 100) return interval;
  const difference = Math.trunc(interval * Math.fround(percent / 100));
  const low = Math.max(1, interval - difference);
  const high = interval + difference;
  if (low === high) return interval;
  return low + Math.floor(random() * (high - low + 1));
}
