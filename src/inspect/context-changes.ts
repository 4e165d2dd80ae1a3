import { boundedJson, shownValue } from './bounded-json.ts';

/** A part of a machine's context that a step has replaced. */
export interface ContextChange {
  /** Names of members, joined by dots. */
  readonly path: string;
  /** As JSON, cut where it is long; empty where the part was not there, or is there no more. */
  readonly before: string;
  readonly after: string;
}

type Context = Readonly<Record<string, unknown>>;

/** Characters of a value; how deep parts are told apart; how many are told; how many are looked at. */
const LONGEST_VALUE = 160;
const DEEPEST = 5;
const MOST = 16;
const MOST_LOOKED_AT = 2_000;

/**
 * What is different between two contexts, each part at its own place: `schedule.bros.zeek.connected`, and not all of
 * `schedule`. Bounded in length and in time, also where both are large.
 * @param isSame whether parts that are not the same object say the same; in a running process what is replaced differs
 */
export function contextChanges(
  before: Context,
  after: Context,
  isSame: (one: unknown, other: unknown) => boolean = Object.is,
): readonly ContextChange[] {
  if (before === after) return [];
  const found: ContextChange[] = [];
  let looks = 0;
  const walk = (one: Context, other: Context, path: string, depth: number) => {
    for (const name of namesOf(one, other)) {
      const [from, to] = [one[name], other[name]];
      if (from === to) continue;
      looks += 1;
      if (found.length >= MOST || looks > MOST_LOOKED_AT) return;
      const place = path === '' ? name : `${path}.${name}`;
      if (depth < DEEPEST && isMembers(from) && isMembers(to)) {
        walk(from, to, place, depth + 1);
        continue;
      }
      if (!isSame(from, to)) found.push({ path: place, before: textOf(name, from), after: textOf(name, to) });
    }
  };
  walk(before, after, '', 0);
  return found;
}

function namesOf(one: Context, other: Context): readonly string[] {
  const names = Object.keys(other);
  for (const name in one) if (!(name in other)) names.push(name);
  return names;
}

function isMembers(value: unknown): value is Context {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Error);
}

function textOf(name: string, value: unknown): string {
  return value === undefined ? '' : boundedJson(shownValue(name, value), LONGEST_VALUE);
}
