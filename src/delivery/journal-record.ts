import { crc32 } from 'node:zlib';

/**
 * The journal's records as bytes. An entry is one record, or several where its payload is long, so that no
 * checksum is taken over more than {@link MAX_PART} bytes at once and none is trusted before it has been checked:
 *
 *     u32 length of what follows the checksum · u32 CRC-32 of it ·
 *     u8 flags (1 first part, 2 last part) · u8 kind · u32 header length · u64 sequence ·
 *     f64 received at, ms since the epoch · u32 length of the whole payload · header (JSON) · this part's bytes
 *
 * All numbers are big-endian. Only the first part carries the header.
 */

/** A line of osquery's result log; the answer to a one-time query; an event as osquery reports it when it happens. */
export type EntryKind = 'log' | 'execution' | 'event';

const KINDS: readonly EntryKind[] = ['log', 'execution', 'event'];

/** What is written of an entry beside its payload. */
export interface EntryHead {
  /** The number of the entry's first row, see {@link rowSpan}. */
  readonly sequence: number;
  readonly kind: EntryKind;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  /** Small plain data that survives JSON. */
  readonly header: unknown;
}

export interface JournalEntry extends EntryHead {
  readonly payload: Uint8Array;
  /** Sequence number of what comes after it, at the least. */
  readonly next: number;
}

export const MAX_PART = 1024 * 1024;
export const MAX_HEADER = MAX_PART;
/** Payloads are read back into one buffer each. */
export const MAX_PAYLOAD = 0xffff_ffff - 1;
const FRAME = 8;
const FIXED = 26;
const FIRST = 1;
const LAST = 2;

/**
 * How many sequence numbers an entry takes. Its rows are numbered from its own number on, and no payload of
 * n bytes holds more than n rows; so a number names a row for ever without anybody counting rows when an entry
 * is written, and numbers only ever grow.
 */
export function rowSpan(payloadBytes: number): number {
  return payloadBytes + 1;
}

/** Bytes that an entry takes on disk. */
export function entrySize(headerBytes: number, payloadBytes: number): number {
  const parts = Math.max(1, Math.ceil(payloadBytes / MAX_PART));
  return parts * (FRAME + FIXED) + headerBytes + payloadBytes;
}

const NO_HEADER = Buffer.from('null');

export function encodeHeader(header: unknown): Buffer {
  return header === null || header === undefined ? NO_HEADER : Buffer.from(JSON.stringify(header));
}

/** Writes the entry, whose payload is no longer than a part, as its one record at the start of `target`. */
export function encodeInto(target: Buffer, head: EntryHead, header: Uint8Array, payload: Uint8Array): void {
  writeFixed(
    target,
    head,
    { header: header.length, part: payload.length, payload: payload.length },
    FIRST | LAST,
  );
  target.set(header, FRAME + FIXED);
  target.set(payload, FRAME + FIXED + header.length);
  target.writeUInt32BE(crc32(target.subarray(FRAME, FRAME + FIXED + header.length + payload.length)), 4);
}

/** What a record begins with, but for its checksum; lengths in bytes. */
function writeFixed(
  target: Buffer,
  head: EntryHead,
  length: { readonly header: number; readonly part: number; readonly payload: number },
  flags: number,
): void {
  target.writeUInt32BE(FIXED + length.header + length.part, 0);
  target.writeUInt8(flags, 8);
  target.writeUInt8(KINDS.indexOf(head.kind), 9);
  target.writeUInt32BE(length.header, 10);
  target.writeBigUInt64BE(BigInt(head.sequence), 14);
  target.writeDoubleBE(head.receivedAt, 22);
  target.writeUInt32BE(length.payload, 30);
}

/**
 * The entry's records as buffers to write one after another, made as they are asked for; payload bytes are
 * views of the given payload.
 */
export function* encodeEntry(
  head: EntryHead,
  header: Uint8Array,
  payload: Uint8Array,
): Generator<readonly Uint8Array[]> {
  let at = 0;
  do {
    const part = payload.subarray(at, at + MAX_PART);
    const first = at === 0;
    at += part.length;
    const own = first ? header : header.subarray(0, 0);
    const fixed = Buffer.allocUnsafe(FRAME + FIXED);
    const length = { header: own.length, part: part.length, payload: payload.length };
    writeFixed(fixed, head, length, (first ? FIRST : 0) | (at >= payload.length ? LAST : 0));
    fixed.writeUInt32BE(crc32(part, crc32(own, crc32(fixed.subarray(FRAME)))), 4);
    yield own.length > 0 ? [fixed, own, part] : [fixed, part];
  } while (at < payload.length);
}

/** A record as it stands in a segment. */
export interface Part {
  readonly first: boolean;
  readonly last: boolean;
  readonly kind: EntryKind;
  readonly sequence: number;
  readonly receivedAt: number;
  readonly payloadLength: number;
  readonly header: Uint8Array;
  /** A view of the given bytes. */
  readonly bytes: Uint8Array;
  /** Where the record after it begins. */
  readonly end: number;
}

/** `short`: the bytes end within the record, which needs them up to `end`; `bad`: it can't be a record. */
export type PartResult =
  | { readonly outcome: 'part'; readonly part: Part }
  | { readonly outcome: 'short'; readonly end: number }
  | { readonly outcome: 'bad' };

/** Reads the record at `at`, checking it. */
export function decodePart(bytes: Buffer, at: number): PartResult {
  if (bytes.length - at < FRAME) return { outcome: 'short', end: at + FRAME };
  const length = bytes.readUInt32BE(at);
  if (length < FIXED || length > FIXED + MAX_HEADER + MAX_PART) return { outcome: 'bad' };
  const start = at + FRAME;
  const end = start + length;
  if (end > bytes.length) return { outcome: 'short', end };
  if (crc32(bytes.subarray(start, end)) !== bytes.readUInt32BE(at + 4)) return { outcome: 'bad' };
  const flags = bytes.readUInt8(start);
  const kind = KINDS[bytes.readUInt8(start + 1)];
  const headerLength = bytes.readUInt32BE(start + 2);
  const sequence = Number(bytes.readBigUInt64BE(start + 6));
  if (!kind || FIXED + headerLength > length || !Number.isSafeInteger(sequence)) return { outcome: 'bad' };
  return {
    outcome: 'part',
    part: {
      first: (flags & FIRST) !== 0,
      last: (flags & LAST) !== 0,
      kind,
      sequence,
      receivedAt: bytes.readDoubleBE(start + 14),
      payloadLength: bytes.readUInt32BE(start + 22),
      header: bytes.subarray(start + FIXED, start + FIXED + headerLength),
      bytes: bytes.subarray(start + FIXED + headerLength, end),
      end,
    },
  };
}

/** Puts an entry together from its parts, in order. */
export class EntryAssembly {
  readonly #head: Part;
  readonly #header: unknown;
  readonly #payload: Buffer;
  #filled = 0;

  /** @param first a part that is `first`; memory for the whole payload is taken here */
  constructor(first: Part) {
    this.#head = { ...first, header: new Uint8Array(), bytes: new Uint8Array() };
    this.#header = JSON.parse(Buffer.from(first.header).toString());
    this.#payload = Buffer.allocUnsafe(first.payloadLength);
  }

  /** @returns whether the part belongs here; if not, the entry is broken */
  add(part: Part): boolean {
    const fits =
      part.sequence === this.#head.sequence && this.#filled + part.bytes.length <= this.#payload.length;
    if (!fits) return false;
    this.#payload.set(part.bytes, this.#filled);
    this.#filled += part.bytes.length;
    return true;
  }

  /** The entry once its last part is in, undefined if bytes are missing. */
  finish(): JournalEntry | undefined {
    if (this.#filled !== this.#payload.length) return undefined;
    const { sequence, kind, receivedAt } = this.#head;
    const next = sequence + rowSpan(this.#payload.length);
    return { sequence, kind, receivedAt, header: this.#header, payload: this.#payload, next };
  }
}
