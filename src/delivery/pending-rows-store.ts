import { isCode } from './error-code.ts';
import { SegmentReader } from './journal-reader-store.ts';
import { scanEntry } from './scanned-entry.ts';
import { storedSegments } from './segment-files-store.ts';

export interface PendingRowsOptions {
  /** Whose rows are counted: the number below which the Bro has, or will never get, all rows. */
  readonly cursors: ReadonlyMap<string, number>;
  /** The Bro of the query with that name in osquery; undefined: the query has ended. */
  readonly peerOf: (name: string) => string | undefined;
  readonly yieldControl: () => Promise<void>;
}

/**
 * Counts the rows of each Bro in a journal's directory that it has not confirmed. Files are opened for reading alone.
 * Rows of ended queries are nobody's; of what osquery reports at the moment of an event the journal doesn't say whose
 * it is. Rejects where the journal can't be read.
 */
export async function countPendingRows(
  directory: string,
  { cursors, peerOf, yieldControl }: PendingRowsOptions,
): Promise<ReadonlyMap<string, number>> {
  const pending = new Map([...cursors.keys()].map((peer) => [peer, 0]));
  if (pending.size === 0) return pending;
  const segments = await storedSegments(directory).catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return [];
    throw error;
  });
  const reader = new SegmentReader(segments);
  try {
    const from = Math.min(...cursors.values());
    for (let entry = await reader.read(from); entry; entry = await reader.read(entry.next)) {
      await yieldControl();
      if (entry.kind === 'event') continue;
      const { results } = await scanEntry(entry, { yieldControl });
      for (const { name, first, item, deliverable } of results) {
        const peer = deliverable?.peer ?? peerOf(name);
        const cursor = peer === undefined ? undefined : cursors.get(peer);
        if (peer === undefined || cursor === undefined) continue;
        const confirmed = Math.max(0, cursor - first);
        pending.set(peer, (pending.get(peer) ?? 0) + Math.max(0, item.rowCount - confirmed));
      }
    }
  } finally {
    await reader.close();
  }
  return pending;
}
