import { join } from 'node:path';
import { type Disk, writeWhole } from './disk-store.ts';
import { logFiles, snapshotName } from './files.ts';
import { printSnapshot, type Snapshot } from './snapshot.ts';

/** How much of the past is kept, for debugging: the state needs none of what is behind a snapshot. */
export interface Retention {
  /** Milliseconds that a segment is kept after its last record. */
  readonly age: number;
  /** Most bytes of all segments together; the oldest go first, whatever their age. */
  readonly bytes: number;
}

/** Puts a snapshot on disk, whole or not at all. */
export async function writeSnapshot(disk: Disk, directory: string, snapshot: Snapshot): Promise<void> {
  await writeWhole(disk, join(directory, snapshotName(snapshot.seq)), printSnapshot(snapshot));
}

/**
 * Removes segments that are too old or too many, each only up to a snapshot that ends where it ends, so that
 * what remains can be replayed from its first record; and snapshots that nothing begins with any more.
 */
export async function compact(
  disk: Disk,
  directory: string,
  retention: Retention,
  now: number,
): Promise<void> {
  const { segments, snapshots } = logFiles(await disk.list(directory));
  const stats = await Promise.all(segments.map(({ name }) => disk.stat(join(directory, name))));
  const snapshotSeqs = new Set(snapshots.map(({ seq }) => seq));
  let bytes = stats.reduce((sum, { size }) => sum + size, 0);
  let removable = 0;
  for (const [index, { size, changedAt }] of stats.entries()) {
    const next = segments[index + 1];
    if (!next || (now - changedAt < retention.age && bytes <= retention.bytes)) break;
    bytes -= size;
    if (snapshotSeqs.has(next.seq - 1)) removable = index + 1;
  }
  const first = segments[removable];
  const newest = snapshots.at(-1);
  if (!first || !newest) return;
  // Segments first, oldest first: what is left when this is interrupted still begins behind a snapshot.
  for (const { name } of segments.slice(0, removable)) await disk.remove(join(directory, name));
  const ends = new Set(segments.slice(removable).map(({ seq }) => seq - 1));
  for (const { name, seq } of snapshots) {
    if (seq !== newest.seq && !ends.has(seq)) await disk.remove(join(directory, name));
  }
}
