import type { Data } from '../broker/data.ts';

/** osquery's text to Broker's numbers; undefined for what a number of the kind can't hold as it is. */

const MIN_INTEGER = -0x8000_0000_0000_0000n;
const MAX_INTEGER = 0x7fff_ffff_ffff_ffffn;
const MAX_COUNT = 0xffff_ffff_ffff_ffffn;
/** A whole number, perhaps written with a fraction of zeros as osquery writes DOUBLEs that got into a BIGINT column. */
export const WHOLE = /^([+-]?\d{1,20})(?:\.0+)?$/;
/** Digits that no 64-bit number can exceed, whatever they are. */
const SAFE_DIGITS = 18;

function wholeNumber(text: string): bigint | undefined {
  const digits = WHOLE.exec(text)?.[1];
  return digits === undefined ? undefined : BigInt(digits.startsWith('+') ? digits.slice(1) : digits);
}

export function toInteger(text: string): Data | undefined {
  const value = wholeNumber(text);
  if (value === undefined) return undefined;
  if (text.length <= SAFE_DIGITS || (value >= MIN_INTEGER && value <= MAX_INTEGER))
    return { type: 'integer', value };
  return undefined;
}

export function toCount(text: string): Data | undefined {
  const value = wholeNumber(text);
  return value === undefined || value < 0n || value > MAX_COUNT ? undefined : { type: 'count', value };
}

/** osquery writes 1e20 as `1e+20.0` and Infinity as `inf.0`. */
const DECIMAL = /^([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)(?:\.0)?$/;
const SPECIAL = /^([+-]?)(inf|infinity|nan)(?:\.0)?$/i;

/** The largest double as osquery writes it, with 15 digits, which alone would be more than a double holds. */
const LARGEST: ReadonlySet<string> = new Set(['1.79769313486232e+308', '-1.79769313486232e+308']);

export function toReal(text: string): Data | undefined {
  const decimal = DECIMAL.exec(text)?.[1];
  if (decimal !== undefined) {
    const value = LARGEST.has(decimal) ? Math.sign(Number(decimal)) * Number.MAX_VALUE : Number(decimal);
    return isExact(decimal, value) ? { type: 'real', value } : undefined;
  }
  const special = SPECIAL.exec(text);
  if (!special) return undefined;
  if (special[2]?.toLowerCase() === 'nan') return { type: 'real', value: Number.NaN };
  return { type: 'real', value: special[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY };
}

/**
 * Decimal fractions are what they are as doubles. A whole number beyond 2^53 must be one that a double holds, or the
 * shortest way to write one: anything else would be rounded.
 */
function isExact(decimal: string, value: number): boolean {
  if (!Number.isFinite(value)) return false;
  if (decimal.length <= 15 || !/^[+-]?\d+$/.test(decimal)) return true;
  const digits = decimal.startsWith('+') ? decimal.slice(1) : decimal;
  return String(value) === digits || BigInt(value) === BigInt(digits);
}
