import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { makeDirectory } from '../files/directory-store.ts';
import type { Gap } from '../vocabulary/model.ts';
import type { Cursors, PeerCursor } from './cursors.ts';
import { DeliveryError } from './delivery-error.ts';
import { isCode } from './error-code.ts';
import { replaceFile } from './small-file-store.ts';

export interface CursorOptions {
  /** Created if it isn't there. */
  readonly directory: string;
  /** Milliseconds between two writes, at the least. */
  readonly interval?: number;
  /** Whether a write waits for the disk, so that cursors survive a power failure. */
  readonly fsync?: boolean;
}

const FILE = 'cursors.json';
/** Milliseconds: so much progress is sent again after a crash, and a write costs what five log calls cost. */
const INTERVAL = 1_000;

/**
 * The cursors of all Bros in one small file that is replaced as a whole, so that a crash leaves the old or the
 * new one. A file that can't be read is put aside: without a cursor a Bro gets again all that the journal has,
 * which costs repeats but no row.
 */
export class CursorStore implements Cursors {
  readonly loaded: ReadonlyMap<string, PeerCursor>;
  /** Why an earlier file was put aside. */
  readonly problem: string | undefined;
  readonly #options: CursorOptions;
  readonly #cursors: Map<string, PeerCursor>;
  #dirty = false;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  private constructor(options: CursorOptions, loaded: Map<string, PeerCursor>, problem: string | undefined) {
    this.#options = options;
    this.loaded = new Map(loaded);
    this.#cursors = loaded;
    this.problem = problem;
  }

  /** @throws DeliveryError */
  static async open(options: CursorOptions): Promise<CursorStore> {
    const path = join(options.directory, FILE);
    try {
      await makeDirectory(options.directory);
      const text = await readFile(path, 'utf8');
      const loaded = parse(text);
      if (loaded) return new CursorStore(options, loaded, undefined);
      await rename(path, `${path}.bad`);
      return new CursorStore(options, new Map(), `${path} can't be read, moved to ${FILE}.bad`);
    } catch (error) {
      if (isCode(error, 'ENOENT')) return new CursorStore(options, new Map(), undefined);
      throw new DeliveryError('unusable', `can't use the cursors in ${options.directory}: ${error}`, error);
    }
  }

  set(peer: string, cursor: PeerCursor): void {
    this.#cursors.set(peer, cursor);
    this.#changed();
  }

  remove(peer: string): void {
    if (this.#cursors.delete(peer)) this.#changed();
  }

  #changed(): void {
    this.#dirty = true;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      // What can't be written now is tried again with the next change, and by flush, which says so.
      this.flush().catch(() => {});
    }, this.#options.interval ?? INTERVAL).unref();
  }

  flush(): Promise<void> {
    this.#writing = this.#writing.catch(() => {}).then(() => this.#write());
    return this.#writing;
  }

  async #write(): Promise<void> {
    if (!this.#dirty) return;
    this.#dirty = false;
    const peers = [...this.#cursors].map(([peer, one]) => ({ peer, ...one }));
    try {
      const text = `${JSON.stringify({ version: 1, peers })}\n`;
      await replaceFile(join(this.#options.directory, FILE), text, this.#options.fsync ?? false);
    } catch (error) {
      this.#dirty = true;
      throw error;
    }
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.flush();
  }
}

/** The cursors on disk, for reading only; undefined where they can't be parsed. Throws as `readFile`. */
export async function readCursors(directory: string): Promise<ReadonlyMap<string, PeerCursor> | undefined> {
  return parse(await readFile(join(directory, FILE), 'utf8'));
}

const number = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const gap = z
  .object({
    first: number,
    last: number,
    rows: number,
    reason: z.string(),
    unseen: z.object({ from: z.number(), to: z.number() }).optional(),
  })
  .transform(({ unseen, ...known }): Gap => (unseen ? { ...known, unseen } : known));
const cursor = z.object({ peer: z.string(), position: number, gap: gap.optional() });
const file = z.object({ version: z.literal(1), peers: z.array(cursor) });

function parse(text: string): Map<string, PeerCursor> | undefined {
  try {
    const { peers } = file.parse(JSON.parse(text));
    return new Map(
      peers.map((one) => [
        one.peer,
        one.gap ? { position: one.position, gap: one.gap } : { position: one.position },
      ]),
    );
  } catch {
    return undefined;
  }
}
