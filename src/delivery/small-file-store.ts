import { open, rename } from 'node:fs/promises';

/**
 * Puts a text into a file in place of what it had: a crash leaves the old or the new. Readable by its owner alone.
 * @param synced whether to wait for the disk, so that it survives a power failure
 */
export async function replaceFile(path: string, text: string, synced: boolean): Promise<void> {
  const file = await open(`${path}.new`, 'w', 0o600);
  try {
    await file.writeFile(text);
    if (synced) await file.datasync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
}
