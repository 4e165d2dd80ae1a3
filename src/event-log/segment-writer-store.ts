import { join } from 'node:path';
import { type Disk, type DiskFile, syncDirectory, writeAll } from './disk-store.ts';
import type { SyncPolicy } from './event-log.ts';
import { type EventLogError, fromSystem } from './event-log-error.ts';

/** The segment that is written: its bytes are whole decisions up to a length, and nothing behind that lasts. */
export class SegmentWriter {
  readonly name: string;
  readonly #file: DiskFile;
  readonly #onWarning: (problem: EventLogError) => void;
  #size: number;
  /** Whether something may stand behind `size`; it is cut off before anything else is written. */
  #isDirty = true;
  #syncTimer: NodeJS.Timeout | null = null;

  private constructor(
    name: string,
    file: DiskFile,
    size: number,
    onWarning: (problem: EventLogError) => void,
  ) {
    this.name = name;
    this.#file = file;
    this.#size = size;
    this.#onWarning = onWarning;
  }

  /** Opens a segment that has `size` bytes worth keeping; makes it if `isNew`. */
  static async open(
    disk: Disk,
    directory: string,
    { name, size, isNew }: { readonly name: string; readonly size: number; readonly isNew: boolean },
    onWarning: (problem: EventLogError) => void,
  ): Promise<SegmentWriter> {
    const file = await disk.open(join(directory, name), isNew ? 'w+' : 'r+');
    try {
      if (isNew) await syncDirectory(disk, directory);
      const writer = new SegmentWriter(name, file, size, onWarning);
      await writer.clean();
      return writer;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get size(): number {
    return this.#size;
  }

  /** Cuts off what was not finished. */
  async clean(): Promise<void> {
    if (!this.#isDirty) return;
    await this.#file.truncate(this.#size);
    await this.#file.sync();
    this.#isDirty = false;
  }

  /** Writes the bytes behind all others, whole and by the policy, or takes back what it has written of them. */
  async put(bytes: Buffer, sync: SyncPolicy): Promise<void> {
    await this.clean();
    this.#isDirty = true;
    try {
      await writeAll(this.#file, bytes, this.#size);
      if (sync.policy === 'always') await this.#file.sync();
      else this.#syncLater(sync.every);
    } catch (error) {
      await this.clean().catch((problem: unknown) => {
        this.#onWarning(
          fromSystem(problem, `remove a partial record from ${this.name}; the next append will`),
        );
      });
      throw error;
    }
    this.#size += bytes.length;
    this.#isDirty = false;
  }

  /** What was written is on disk once this resolves. */
  async sync(): Promise<void> {
    await this.#file.sync();
  }

  async close(): Promise<void> {
    if (this.#syncTimer) clearTimeout(this.#syncTimer);
    await this.#file.close();
  }

  #syncLater(every: number): void {
    this.#syncTimer ??= setTimeout(() => {
      this.#syncTimer = null;
      this.#file.sync().catch((error: unknown) => this.#onWarning(fromSystem(error, `sync ${this.name}`)));
    }, every).unref();
  }
}
