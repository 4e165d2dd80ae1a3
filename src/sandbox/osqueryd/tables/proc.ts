import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { decodeText } from '../../../text/byte-text.ts';

/** The file's text with every byte kept, or undefined when it is gone or not for us. /proc may change between two looks. */
export function readText(path: string): string | undefined {
  try {
    return decodeText(readFileSync(path));
  } catch {
    return undefined;
  }
}

export function readLink(path: string): string {
  try {
    return decodeText(readlinkSync(path, 'buffer'));
  } catch {
    return '';
  }
}

/** The path with all links resolved, or nothing. */
export function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return '';
  }
}

export function listDirectory(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** Process ids in /proc, ascending. */
export function processIds(): number[] {
  return listDirectory('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

/** Unix time of the boot, from /proc/stat. */
export function bootTime(): number {
  return Number(/^btime (\d+)/m.exec(readText('/proc/stat') ?? '')?.[1] ?? 0);
}

/** `KEY=value` lines with optional quotes, as in os-release. */
export function keyValues(text: string): ReadonlyMap<string, string> {
  const lines = text.split('\n').flatMap((line) => {
    const match = /^([A-Z_]+)=(.*)$/.exec(line.trim());
    return match ? [[match[1] ?? '', (match[2] ?? '').replace(/^(["'])(.*)\1$/, '$2')] as const] : [];
  });
  return new Map(lines);
}
