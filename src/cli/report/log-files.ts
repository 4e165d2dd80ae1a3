import { createReadStream, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { isWanted, logName } from '../../report/log-name.ts';

/** A file of a log that the report is made of. */
export interface LogFile {
  readonly path: string;
  readonly log: string;
  readonly bytes: number;
}

/** All such files below the folder, or the one file; links are followed, as Zeek's `current` is one. */
export function findLogFiles(folder: string): LogFile[] {
  if (!statSync(folder).isDirectory()) return [folder].flatMap(logFile);
  // zeekctl's `current` links into the spool: what is seen by two ways is read once.
  const seen = new Set<string>();
  const files: LogFile[] = [];
  const look = (path: string) => {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat || seen.has(`${stat.dev}:${stat.ino}`)) return;
    seen.add(`${stat.dev}:${stat.ino}`);
    if (stat.isDirectory()) for (const name of readdirSync(path).sort()) look(join(path, name));
    else files.push(...logFile(path));
  };
  look(folder);
  return files;
}

function logFile(path: string): LogFile[] {
  const log = logName(basename(path));
  return log !== undefined && isWanted(log) ? [{ path, log, bytes: statSync(path).size }] : [];
}

/** A line that is longer holds no row of a log. */
const LONGEST_LINE = 16 * 1024 * 1024;

/** The lines of a file, unpacked where its name says so, a few at a time; undefined stands for one that is too long. */
export async function* linesOf({ path }: LogFile): AsyncGenerator<readonly (string | undefined)[]> {
  const file = createReadStream(path, { highWaterMark: 256 * 1024 });
  const text = new TextDecoder();
  let rest = '';
  let isTooLong = false;
  for await (const chunk of unpacked(file, path)) {
    const lines: (string | undefined)[] = (rest + text.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    if (isTooLong && lines.length > 0) {
      lines[0] = undefined;
      isTooLong = false;
    }
    if (rest.length > LONGEST_LINE) {
      isTooLong = true;
      rest = '';
    }
    if (lines.length > 0) yield lines;
  }
  if (isTooLong) yield [undefined];
  else if (rest !== '') yield [rest];
}

function unpacked(file: Readable, path: string): AsyncIterable<Buffer> {
  const unpacker = path.endsWith('.gz')
    ? createGunzip()
    : path.endsWith('.zst')
      ? createZstdDecompress()
      : undefined;
  if (!unpacker) return file;
  file.on('error', (error) => unpacker.destroy(error));
  return file.pipe(unpacker);
}
