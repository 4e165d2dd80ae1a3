import { z } from 'zod';
import { nearest } from './nearest.ts';

/**
 * Warnings about keys that a schema does not know, at any depth, each with the nearest key that it does know. A
 * key that is misspelt would otherwise silently leave its default in force.
 */
export function unknownKeys(schema: z.ZodType, value: unknown, place: string): string[] {
  const inner = objectIn(schema);
  if (inner instanceof z.ZodArray && Array.isArray(value)) {
    return value.flatMap((item, at) => unknownKeys(inner.element as z.ZodType, item, `${place}[${at}]`));
  }
  if (
    !(inner instanceof z.ZodObject) ||
    typeof value !== 'object' ||
    value === null ||
    Array.isArray(value)
  ) {
    return [];
  }
  const shape: Readonly<Record<string, z.ZodType>> = inner.shape;
  return Object.entries(value).flatMap(([key, member]) => {
    const known = Object.hasOwn(shape, key) ? shape[key] : undefined;
    if (known) return unknownKeys(known, member, `${place}.${key}`);
    const near = nearest(key, Object.keys(shape));
    return [`${place}.${key}: unknown key, ignored${near === '' ? '' : `; did you mean ${near}?`}`];
  });
}

/** Keys of ours that stand among osquery's options, where the predecessor of 2017 had them: nobody reads them there. */
export function misplacedKeys(options: unknown): string[] {
  if (typeof options !== 'object' || options === null) return [];
  return Object.keys(options)
    .filter((key) => FORMER_KEYS.has(key))
    .map((key) => `options.${key}: ignored there; write it as bro.${FORMER_KEYS.get(key)}`);
}

const FORMER_KEYS: ReadonlyMap<string, string> = new Map([
  ['bro_ip', 'bro_ip'],
  ['bro_port', 'bro_port'],
  ['bro_groups', 'groups'],
]);

/** The schema below `optional`, and of a union the member that may be an object. */
function objectIn(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional) return objectIn(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodUnion) {
    const members = schema.options as readonly z.ZodType[];
    return members.find((member) => member instanceof z.ZodObject) ?? schema;
  }
  return schema;
}
