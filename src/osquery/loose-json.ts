/** JSON that osquery gives and whose shape has changed over its versions: read what is there. */
import { reasonOf } from '../text/reason.ts';
import { OsqueryError } from './osquery-error.ts';

/** Throws {@link OsqueryError} `protocol`, naming `what` was to be read. */
export function parseJson(json: string, what: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    const reason = reasonOf(error);
    throw new OsqueryError('protocol', `${what} is not valid JSON: ${reason}`);
  }
}

/** The members of an object; of anything else none. */
export function members(value: unknown): ReadonlyMap<string, unknown> {
  return new Map(typeof value === 'object' && value !== null ? Object.entries(value) : []);
}

/** The elements of a list; of anything else none: older osquerys write an empty list as an empty string. */
export function elements(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The members of a flat object as text. */
export function textMembers(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries([...members(value)].map(([name, cell]) => [name, String(cell ?? '')]));
}
