/** A value of SQLite as osquery writes it into a row (recordings of 5.23.1). */
import { decodeText } from '../text/byte-text.ts';

/**
 * NULL is the empty string, a blob ends at its first NUL byte, a double has 15 digits and always a point: 2.5,
 * 1.0, 1e+20.0, inf.0.
 */
export function cellText(value: string | number | bigint | Uint8Array | null): string {
  if (value === null) return '';
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return doubleText(value);
  const end = value.indexOf(0);
  return decodeText(end < 0 ? value : value.subarray(0, end));
}

function doubleText(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? 'inf.0' : '-inf.0';
  const text = significant(value);
  return text.includes('.') ? text : `${text}.0`;
}

/** C's %.15g. */
function significant(value: number): string {
  if (value === 0) return '0';
  const [mantissa = '', exponent = '0'] = value.toExponential(14).split('e');
  const power = Number(exponent);
  if (power < -4 || power >= 15) {
    const digits = Math.abs(power).toString().padStart(2, '0');
    return `${trimZeros(mantissa)}e${power < 0 ? '-' : '+'}${digits}`;
  }
  return trimZeros(value.toFixed(14 - power));
}

function trimZeros(decimal: string): string {
  return decimal.includes('.') ? decimal.replace(/\.?0+$/, '') : decimal;
}
