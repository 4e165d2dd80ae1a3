/**
 * Times as Broker's JSON form writes them (broker/format/json.hh), in nanoseconds; reading bounds them to no 64 bits.
 */

const SECOND = 1_000_000_000n;

/** ISO 8601 in UTC without a zone, with as many thousandths as it needs: `2026-11-24T04:44:22.123`. */
export function printTimestamp(nanoseconds: bigint): string {
  const fraction = ((nanoseconds % SECOND) + SECOND) % SECOND;
  const seconds = (nanoseconds - fraction) / SECOND;
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  const digits = fraction
    .toString()
    .padStart(9, '0')
    .replace(/(000){1,2}$/, '');
  return `${whole}.${digits}`;
}

const TIMESTAMP =
  /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{0,9})\d*)?(?:Z|([+-])(\d\d):?(\d\d))?$/;

/** ISO 8601, in UTC where it names no zone; undefined for anything else. Digits beyond nanoseconds are passed over. */
export function parseTimestamp(text: string): bigint | undefined {
  const found = TIMESTAMP.exec(text);
  if (!found) return undefined;
  const [, year, month, day, hour, minute, second, fraction = '', sign, zoneHour, zoneMinute] = found;
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
  const milliseconds = Date.parse(`${iso}Z`);
  // Date would carry 30 February over into March.
  if (Number.isNaN(milliseconds) || new Date(milliseconds).toISOString().slice(0, 19) !== iso) {
    return undefined;
  }
  const zone = sign ? (Number(zoneHour) * 60 + Number(zoneMinute)) * (sign === '-' ? 60 : -60) : 0;
  return BigInt(milliseconds / 1000 + zone) * SECOND + BigInt(fraction.padEnd(9, '0'));
}

const UNITS = {
  ns: 1n,
  us: 1_000n,
  ms: 1_000_000n,
  s: SECOND,
  min: 60n * SECOND,
  h: 3_600n * SECOND,
  d: 86_400n * SECOND,
} as const;

/** In the largest of s, ms, us and ns that loses nothing, as Zeek does. */
export function printTimespan(nanoseconds: bigint): string {
  const unit = (['s', 'ms', 'us'] as const).find((name) => nanoseconds % UNITS[name] === 0n) ?? 'ns';
  return `${nanoseconds / UNITS[unit]}${unit}`;
}

/** A whole number of a unit, `90s`; undefined for anything else. */
export function parseTimespan(text: string): bigint | undefined {
  const [, digits = '', unit = ''] = /^(-?\d{1,20})(ns|us|ms|s|min|h|d)$/.exec(text) ?? [];
  return isUnit(unit) ? BigInt(digits) * UNITS[unit] : undefined;
}

function isUnit(text: string): text is keyof typeof UNITS {
  return Object.hasOwn(UNITS, text);
}
