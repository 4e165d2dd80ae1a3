import { constants, type Dirent } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Script } from 'node:vm';
import type { RowSource } from '../schedule/translation.ts';
import { decodeText } from '../text/byte-text.ts';
import type { SourceRow } from './filled.ts';
import { isWild, levelMatcher } from './glob.ts';
import { isUsualPattern, javascriptPattern, linesOf, pickedFields, trimmed } from './lines.ts';

/** What the reading of files for one run of one query may take; what needs more is an error, never half a result. */
export interface ReadingLimits {
  readonly files: number;
  readonly bytes: number;
  readonly lines: number;
  /** Milliseconds. */
  readonly time: number;
}

export const READING_LIMITS: ReadingLimits = {
  files: 1_000,
  bytes: 8 * 1024 * 1024,
  lines: 100_000,
  time: 10_000,
};

/** A run that has to be given up; the message says why and continues no sentence. */
export class ReadingError extends Error {
  override readonly name = 'ReadingError';
}

type FileSource = Extract<RowSource, { readonly kind: 'lines' | 'fields' }>;

/**
 * The rows of `files_lines` and `files_columns`. Only regular files are read, since others may never end; one that can't
 * be opened has a row in the former, as in Zeek Agent, and none in the latter.
 * @param now milliseconds, from whatever moment
 * @throws ReadingError
 */
export async function readFileRows(
  source: FileSource,
  limits: ReadingLimits,
  now: () => number,
): Promise<readonly SourceRow[]> {
  const end = now() + limits.time;
  const budget = new Budget(source, limits, () => now() > end);
  const ignored = source.kind === 'fields' ? ignoring(source.ignore, budget) : () => [];
  const rows: SourceRow[] = [];
  for (const path of await matchingPaths(source.pattern, budget)) {
    const text = await readRegularFile(path, budget);
    if (text === undefined) continue;
    if (text === 'unreadable') {
      if (source.kind === 'lines') rows.push([path, null, '<failed to open file>']);
      continue;
    }
    const lines = linesOf(decodeText(text));
    budget.takeLines(lines.length);
    const isIgnored = ignored(lines);
    for (const [at, line] of lines.entries()) {
      const number = String(at + 1);
      if (source.kind === 'lines') rows.push([path, number, trimmed(line)]);
      else if (!isIgnored[at]) rows.push([path, number, JSON.stringify(pickedFields(line, source))]);
    }
  }
  return rows;
}

class Budget {
  readonly #what: string;
  readonly #limits: ReadingLimits;
  readonly #isLate: () => boolean;
  #files = 0;
  #bytes = 0;
  #lines = 0;

  constructor({ pattern }: FileSource, limits: ReadingLimits, isLate: () => boolean) {
    this.#what = JSON.stringify(pattern);
    this.#limits = limits;
    this.#isLate = isLate;
  }

  /** Bytes that may still be read. */
  get left(): number {
    return this.#limits.bytes - this.#bytes;
  }

  takeFile(): void {
    this.#files += 1;
    if (this.#files > this.#limits.files) this.fail(`means more than ${this.#limits.files} files`);
    this.checkTime();
  }

  takeBytes(bytes: number): void {
    this.#bytes += bytes;
    if (this.left < 0) this.fail(`means files of more than ${this.#limits.bytes} bytes together`);
    this.checkTime();
  }

  takeLines(lines: number): void {
    this.#lines += lines;
    if (this.#lines > this.#limits.lines)
      this.fail(`means files of more than ${this.#limits.lines} lines together`);
  }

  checkTime(): void {
    if (this.#isLate()) this.fail(`took more than ${this.#limits.time} ms to read`);
  }

  fail(problem: string): never {
    throw new ReadingError(`${this.#what} ${problem}, which this host does not read`);
  }
}

/** The regular files that the pattern means, in the order of their paths. @throws ReadingError */
async function matchingPaths(pattern: string, budget: Budget): Promise<readonly string[]> {
  const levels = pattern.split('/').filter((level) => level !== '');
  let paths = ['/'];
  for (const level of levels) {
    budget.checkTime();
    paths = isWild(level) ? await childrenOf(paths, level, budget) : paths.map((path) => join(path, level));
  }
  return paths.sort();
}

async function childrenOf(paths: readonly string[], level: string, budget: Budget): Promise<string[]> {
  const matches = levelMatcher(level);
  const found: string[] = [];
  for (const path of paths) {
    for (const { name } of await entriesOf(path)) {
      if (!matches(name)) continue;
      budget.takeFile();
      found.push(join(path, name));
    }
  }
  return found;
}

async function entriesOf(path: string): Promise<readonly Dirent[]> {
  try {
    return await readdir(path, { withFileTypes: true });
  } catch {
    return [];
  }
}

const PART = 64 * 1024;

/** Undefined for what is no regular file, or not there. */
async function readRegularFile(path: string, budget: Budget): Promise<Buffer | 'unreadable' | undefined> {
  const isRegular = await stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
  if (!isRegular) return undefined;
  const parts: Buffer[] = [];
  try {
    // It may have become something else meanwhile, whose opening waits for a writer.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!(await file.stat()).isFile()) return undefined;
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(PART), 0, PART, null);
      if (bytesRead === 0) return Buffer.concat(parts);
      budget.takeBytes(bytesRead);
      parts.push(buffer.subarray(0, bytesRead));
    }
  } catch (error) {
    if (error instanceof ReadingError) throw error;
    return 'unreadable';
  }
}

/** Which lines are to be passed over. An expression of a query's own may take for ever, and is stopped then. */
function ignoring(posix: string, budget: Budget): (lines: readonly string[]) => readonly boolean[] {
  if (posix === '') return () => [];
  const source = javascriptPattern(posix);
  if (source === undefined)
    budget.fail(`is to be read without lines that match ${JSON.stringify(posix)}, no regular expression`);
  if (isUsualPattern(posix)) {
    const pattern = new RegExp(source);
    return (lines) => lines.map((line) => pattern.test(line));
  }
  const script = new Script('lines.map((line) => pattern.test(line))');
  return (lines) => {
    try {
      const context = { lines, pattern: new RegExp(source) };
      return script.runInNewContext(context, { timeout: MATCHING_TIME }) as boolean[];
    } catch {
      return budget.fail(`took more than ${MATCHING_TIME} ms to compare with ${JSON.stringify(posix)}`);
    }
  };
}

/** Milliseconds that the lines of one file may take to be compared; nothing else happens meanwhile. */
const MATCHING_TIME = 200;
