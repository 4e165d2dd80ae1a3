import { isMalformed, type LogRow } from '../osquery/log-item.ts';
import { isCode } from './error-code.ts';
import { SegmentReader, type StoredSegment } from './journal-reader-store.ts';
import { type QueryResult, scanEntry } from './scanned-entry.ts';
import { storedSegments } from './segment-files-store.ts';

/** A row as it lies in the journal. */
export interface StoredRow extends LogRow {
  /** Its number in the journal. */
  readonly sequence: number;
  /** When osquery handed it over, milliseconds since the epoch. */
  readonly receivedAt: number;
}

export interface LatestRows {
  /** The newest first. */
  readonly rows: readonly StoredRow[];
  /** Whether there may be more in a part of the journal that was not looked through. */
  readonly isCut: boolean;
}

export interface LatestRowsOptions {
  /** Name of the query. */
  readonly name: string;
  /** Only what came up to then, milliseconds since the epoch; null: whatever came. */
  readonly until: number | null;
  /** Rows at the most. */
  readonly most: number;
  /** Bytes of the journal that are looked through at the most, in whole segments. */
  readonly mostBytes: number;
  readonly yieldControl: () => Promise<void>;
}

/** A query's rows in an entry. */
interface Found {
  readonly result: QueryResult;
  readonly receivedAt: number;
}

/**
 * The latest rows of a query out of a journal's directory, which may be written to or trimmed meanwhile: files are
 * opened for reading alone. Of what osquery reports at the moment of an event the journal doesn't say whose it is:
 * such a row is found once the schedule brings it too. A directory that isn't there (yet) has none; throws where it
 * can't be read.
 */
export async function readLatestRows(directory: string, options: LatestRowsOptions): Promise<LatestRows> {
  const segments = await storedSegments(directory).catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return [];
    throw error;
  });
  const rows: StoredRow[] = [];
  let budget = options.mostBytes;
  for (const segment of [...segments].reverse()) {
    budget -= segment.bytes;
    if (budget < 0) return { rows, isCut: true };
    const found = await findIn(segment, options.most - rows.length, options);
    rows.push(...newestOf(found, options.most - rows.length));
    if (rows.length >= options.most) break;
  }
  return { rows, isCut: false };
}

/** What a segment has of the query: at its end, enough of it for that many rows. */
async function findIn(
  segment: StoredSegment,
  wanted: number,
  { name, until, yieldControl }: LatestRowsOptions,
): Promise<readonly Found[]> {
  // As osquery writes the name in its JSON; names of ours have nothing that JSON writes otherwise.
  const mark = Buffer.from(name);
  const reader = new SegmentReader([segment]);
  const found: Found[] = [];
  let held = 0;
  try {
    for (let entry = await reader.read(segment.first); entry; entry = await reader.read(entry.next)) {
      await yieldControl();
      if (until !== null && entry.receivedAt > until) continue;
      if (
        entry.kind === 'log' &&
        !Buffer.from(entry.payload.buffer, entry.payload.byteOffset, entry.payload.length).includes(mark)
      )
        continue;
      const { results } = await scanEntry(entry, { yieldControl });
      for (const result of results) {
        if (result.name !== name) continue;
        found.push({ result, receivedAt: entry.receivedAt });
        held += result.item.rowCount;
      }
      // What later rows leave no room for is let go of, so that no segment is held whole.
      for (let oldest = found[0]; oldest && held - oldest.result.item.rowCount >= wanted; oldest = found[0]) {
        held -= oldest.result.item.rowCount;
        found.shift();
      }
    }
  } finally {
    await reader.close();
  }
  return found;
}

function newestOf(found: readonly Found[], most: number): StoredRow[] {
  const rows: StoredRow[] = [];
  for (const { result, receivedAt } of [...found].reverse()) {
    for (let index = result.item.rowCount - 1; index >= 0 && rows.length < most; index -= 1) {
      const row = result.item.row(index);
      if (!isMalformed(row)) rows.push({ ...row, sequence: result.first + index, receivedAt });
    }
  }
  return rows;
}
