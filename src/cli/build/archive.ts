import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { dateAll, layOut } from './lay-out.ts';
import type { PackageFile } from './package-files.ts';

export interface Archive {
  /** The one folder that everything is in, and the archive's name without its ending. */
  readonly name: string;
  readonly files: readonly PackageFile[];
  readonly date: Date;
  /** Folder. */
  readonly to: string;
}

/** No whole archive is larger. */
const MAX_BYTES = 1 << 30;

/** Packs the files with GNU tar; the same files make the same archive. */
export function makeTar({ name, files, date, to }: Archive): string {
  return inFolder(name, files, date, (work) => {
    const flags = ['--sort=name', '--format=ustar', '--owner=0', '--group=0', '--numeric-owner', '--create'];
    const tar = execFileSync('tar', [...flags, `--directory=${work}`, name], { maxBuffer: MAX_BYTES });
    const made = join(to, `${name}.tar.gz`);
    writeFileSync(made, gzipSync(tar, { level: 9 }));
    return made;
  });
}

/** Packs the files with Info-ZIP's zip, for Windows. */
export function makeZip({ name, files, date, to }: Archive): string {
  return inFolder(name, files, date, (work) => {
    const made = join(to, `${name}.zip`);
    rmSync(made, { force: true });
    const paths = readdirSync(join(work, name), { recursive: true, encoding: 'utf8' }).map((path) =>
      join(name, path),
    );
    // A zip has local times.
    execFileSync('zip', ['-9', '-q', '-X', '-D', made, ...paths.sort()], {
      cwd: work,
      env: { ...process.env, TZ: 'UTC' },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    return made;
  });
}

function inFolder(
  name: string,
  files: readonly PackageFile[],
  date: Date,
  pack: (work: string) => string,
): string {
  const work = mkdtempSync(join(tmpdir(), 'bro-osquery-archive-'));
  try {
    layOut(join(work, name), files);
    dateAll(join(work, name), date);
    return pack(work);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
