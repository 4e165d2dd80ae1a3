import { createTwoFilesPatch } from 'diff';
import { printableLines } from '../../replay/printable.ts';
import type { Change, HostFile } from './host-file.ts';

/** What a change is, as a difference of texts; lines begin with what `diff -u` has them begin with. */
export function changeInWords({ path, before, after, shown }: Change): string[] {
  const told = [...permissionsInWords(path, before, after)];
  if (before?.content.equals(after.content)) return told;
  if (shown !== 'text') {
    const what = shown === 'hidden' ? 'not shown' : `${after.content.length} bytes`;
    return [`${before ? 'replace' : 'make'} ${path} (${what})`, ...told];
  }
  const patch = createTwoFilesPatch(
    before ? path : '/dev/null',
    path,
    before?.content.toString('utf8') ?? '',
    after.content.toString('utf8'),
    undefined,
    undefined,
    { context: 2 },
  );
  const lines = patch.split('\n').filter((line) => !/^(=+|Index: .*)$/.test(line) && line !== '');
  return [...printableLines(lines.join('\n')).split('\n'), ...told];
}

function permissionsInWords(path: string, before: HostFile | undefined, after: HostFile): string[] {
  if (!before) return [`mode of ${path}: ${octal(after.mode)}`];
  const told: string[] = [];
  if (before.mode !== after.mode) {
    told.push(`mode of ${path}: ${octal(before.mode)} → ${octal(after.mode)}`);
  }
  if (before.uid !== after.uid || before.gid !== after.gid) {
    told.push(`owner of ${path}: ${before.uid}:${before.gid} → ${after.uid}:${after.gid}`);
  }
  return told;
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}
