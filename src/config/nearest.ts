import { distance } from 'fastest-levenshtein';

/** Of the known names the one that was likely meant; empty if none is near. */
export function nearest(name: string, known: readonly string[]): string {
  const [best] = known
    .map((candidate) => ({ candidate, far: distance(name.toLowerCase(), candidate) }))
    .sort((one, other) => one.far - other.far);
  return best && best.far <= Math.max(2, name.length / 3) ? best.candidate : '';
}
