import type { z } from 'zod';
import { shortened } from '../text/shortened.ts';
import { nearest } from './nearest.ts';

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/**
 * What is wrong with `bro`, a line each: the place, what is expected there (which is what the schema has for a
 * message) and what came instead.
 * @param root how the whole is called
 */
export function problemsOf(issues: readonly Issue[], bro: unknown, root = 'bro'): string[] {
  return issues.flatMap((issue) => problemsOfIssue(issue, bro, [], root));
}

function problemsOfIssue(issue: Issue, bro: unknown, above: Path, root: string): string[] {
  const path = [...above, ...issue.path];
  const place = placeOf(path, root);
  switch (issue.code) {
    case 'custom':
      return [`${place}: ${issue.message}`];
    case 'invalid_union': {
      // The alternative that the value is of the kind of says what is wrong with it.
      const [meant, ...others] = issue.errors.filter(
        (errors) => !errors.some(({ code, path: own }) => code === 'invalid_type' && own.length === 0),
      );
      if (meant && others.length === 0)
        return meant.flatMap((inner) => problemsOfIssue(inner as Issue, bro, path, root));
      return [expected(place, issue.message, path, bro)];
    }
    case 'invalid_value': {
      const value = valueAt(bro, path);
      const near = typeof value === 'string' ? nearest(value, issue.values.map(String)) : '';
      return [expected(place, issue.message, path, bro) + (near === '' ? '' : `; did you mean ${near}?`)];
    }
    default:
      return [expected(place, issue.message, path, bro)];
  }
}

/** `bro.endpoints[1].tls.ca` */
function placeOf(path: Path, root: string): string {
  return path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : `${text}.${String(key)}`),
    root,
  );
}

function expected(place: string, what: string, path: Path, bro: unknown): string {
  return `${place}: expected ${what}, got ${shown(valueAt(bro, path), path.at(-1))}`;
}

function valueAt(bro: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, key) => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined),
    bro,
  );
}

const SECRET: readonly (PropertyKey | undefined)[] = ['passphrase', 'password'];
const LONGEST = 80;

/** The value as the configuration has it, as far as it fits a line of the log and may stand there. */
function shown(value: unknown, key: PropertyKey | undefined): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  if (SECRET.includes(key)) return `a ${typeof value}`;
  return shortened(JSON.stringify(value), LONGEST);
}
