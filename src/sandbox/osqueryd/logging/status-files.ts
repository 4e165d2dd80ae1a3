import { appendFileSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { encodeText } from '../../../text/byte-text.ts';

const LEVELS = ['INFO', 'WARNING', 'ERROR'] as const;

/**
 * osqueryd's own log as glog writes it for the logger `filesystem`: a file for each severity, which has the lines of
 * that severity and of those above, named after the time and the process; a link leads to the newest. Times are the
 * host's local ones. A file that can't be written is passed over.
 */
export class StatusFiles {
  readonly #directory: string;
  readonly #pid: number;
  readonly #paths = new Map<string, string>();

  constructor(directory: string, pid: number) {
    this.#directory = directory;
    this.#pid = pid;
  }

  /** @param line with its head and without its line end */
  write(severity: number, line: string, now: number): void {
    for (const level of LEVELS.slice(0, severity + 1)) {
      try {
        appendFileSync(this.#fileFor(level, now), encodeText(`${line}\n`));
      } catch {
        // As glog does, which has nobody left to tell.
      }
    }
  }

  #fileFor(level: string, now: number): string {
    const known = this.#paths.get(level);
    if (known !== undefined) return known;
    const name = `osqueryd.${level}.${fileTime(now)}.${this.#pid}`;
    const path = join(this.#directory, name);
    mkdirSync(this.#directory, { recursive: true });
    if (!existsSync(path)) writeFileSync(path, head(now), { mode: 0o640 });
    const link = join(this.#directory, `osqueryd.${level}`);
    rmSync(link, { force: true });
    symlinkSync(name, link);
    this.#paths.set(level, path);
    return path;
  }
}

function head(now: number): string {
  return [
    `Log file created at: ${wallTime(now, '/', ' ')}`,
    `Running on machine: ${hostname()}`,
    'Running duration (h:mm:ss): 0:00:00',
    'Log line format: [IWEF]mmdd hh:mm:ss.uuuuuu threadid file:line] msg\n',
  ].join('\n');
}

/** `20261124-050430` */
function fileTime(now: number): string {
  return wallTime(now, '', '-').replaceAll(':', '');
}

function wallTime(now: number, separator: string, gap: string): string {
  const date = new Date(now);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join(separator);
  return `${day}${gap}${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`;
}
