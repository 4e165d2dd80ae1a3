import { type Condition, PLATFORMS, type Platform } from './model.ts';

/** This program runs beside osquery 5 and later: an older version is no condition. */
const OLDEST = [5, 0, 0];

/**
 * The platforms that osquery takes a pack's `platform` for: it looks for names anywhere in the text, and every
 * distribution of Linux that it knows is Linux (osquery 5.23, `checkPlatform`). Empty: none that osquery runs on today.
 */
export function platformsOf(text: string): readonly Platform[] {
  if (text === '' || text === 'null' || /any|all/.test(text)) return PLATFORMS;
  const words: Readonly<Record<Platform, RegExp>> = {
    darwin: /darwin|posix/,
    linux: /linux|ubuntu|centos|posix/,
    windows: /windows/,
  };
  return PLATFORMS.filter((platform) => words[platform].test(text));
}

/** A version to ask for, empty where every host has it. */
export function versionOf(text: string): string {
  const parts = text.split('.').map((part) => Number.parseInt(part, 10));
  if (text === '' || parts.some(Number.isNaN)) return '';
  const at = OLDEST.findIndex((part, index) => (parts[index] ?? 0) !== part);
  return at >= 0 && (parts[at] ?? 0) > (OLDEST[at] ?? 0) ? text : '';
}

/** Whether the condition holds for every host. */
export function isForAll({ platforms, version, shard }: Condition): boolean {
  return platforms.length === PLATFORMS.length && version === '' && (shard === 0 || shard >= 100);
}
