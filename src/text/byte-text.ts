/**
 * Text that loses no byte. Broker strings, osquery cells and blobs may hold any bytes, while everything in
 * this program that is text is a JavaScript string. Bytes that are no UTF-8 travel as the lone surrogates
 * U+DC80..U+DCFF, one a byte (Python's "surrogateescape", PEP 383): such a string survives JSON, and
 * {@link encodeText} gives back the very bytes that {@link decodeText} was given.
 */

const ESCAPE_BASE = 0xdc00;
const FIRST_ESCAPED = 0xdc80;
const LAST_ESCAPED = 0xdcff;
const REPLACEMENT = Buffer.from('\ufffd', 'utf8');

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The bytes as text; bytes that are no UTF-8 become lone surrogates. Never throws. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return decodeEscaped(bytes);
  }
}

/** The text's bytes in UTF-8, escaped bytes restored. Any other lone surrogate becomes U+FFFD. */
export function encodeText(text: string): Uint8Array {
  return text.isWellFormed() ? Buffer.from(text, 'utf8') : encodeEscaped(text);
}

/** How many bytes {@link encodeText} gives, without making them. */
export function textByteLength(text: string): number {
  return text.isWellFormed() ? Buffer.byteLength(text, 'utf8') : encodeEscaped(text).length;
}

function decodeEscaped(bytes: Uint8Array): string {
  const parts: string[] = [];
  let start = 0;
  let at = 0;
  while (at < bytes.length) {
    const length = sequenceLength(bytes, at);
    if (length > 0) {
      at += length;
      continue;
    }
    if (at > start) parts.push(strictUtf8.decode(bytes.subarray(start, at)));
    parts.push(String.fromCharCode(ESCAPE_BASE + (bytes[at] ?? 0)));
    at += 1;
    start = at;
  }
  if (at > start) parts.push(strictUtf8.decode(bytes.subarray(start, at)));
  return parts.join('');
}

/** Length of the well-formed UTF-8 sequence at `at` (Unicode 15, table 3-7), 0 if there is none. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] ?? 0;
  if (lead < 0x80) return 1;
  const second = bytes[at + 1] ?? 0;
  if (lead >= 0xc2 && lead <= 0xdf) return isTail(second) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const low = lead === 0xe0 ? 0xa0 : 0x80;
    const high = lead === 0xed ? 0x9f : 0xbf;
    return second >= low && second <= high && isTail(bytes[at + 2]) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const low = lead === 0xf0 ? 0x90 : 0x80;
    const high = lead === 0xf4 ? 0x8f : 0xbf;
    return second >= low && second <= high && isTail(bytes[at + 2]) && isTail(bytes[at + 3]) ? 4 : 0;
  }
  return 0;
}

function isTail(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

function encodeEscaped(text: string): Uint8Array {
  const parts: Uint8Array[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit < 0xd800 || unit > 0xdfff) continue;
    const next = text.charCodeAt(at + 1);
    if (unit <= 0xdbff && next >= 0xdc00 && next <= 0xdfff) {
      at += 1;
      continue;
    }
    if (at > start) parts.push(Buffer.from(text.slice(start, at), 'utf8'));
    const escaped = unit >= FIRST_ESCAPED && unit <= LAST_ESCAPED;
    parts.push(escaped ? Uint8Array.of(unit - ESCAPE_BASE) : REPLACEMENT);
    start = at + 1;
  }
  if (start < text.length) parts.push(Buffer.from(text.slice(start), 'utf8'));
  return Buffer.concat(parts);
}
